// place_columns — y[row, first + c] = x[row, c].
//
//   x  [rows, cols]   f32  in
//   y  [rows, width]  f32  inout  other columns are left alone
//
// Grid: one thread an element of x, 256 a workgroup, folded into (x, y).
// Reference: a loop over the elements.

struct Params { rows: u32, cols: u32, width: u32, first: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.rows * params.cols) { return; }
  y[i / params.cols * params.width + params.first + i % params.cols] = x[i];
}
