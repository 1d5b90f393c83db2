// add_bias — y[row, c] += bias[c].
//
//   y     [rows, cols]  f32  inout
//   bias  [cols]        f32  in
//
// Grid: one thread an element, 256 a workgroup, folded into (x, y).
// Reference: addBiasReference in src/ops/add_bias.ts.

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i < params.rows * params.cols) { y[i] += bias[i % params.cols]; }
}
