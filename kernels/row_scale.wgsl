// row_scale — w[r] *= lengths[r] / norms[r]: rows of the lengths `norms` get others.
//
//   w        [size]  f32  inout  holds the rows: row r starts at offset + r · stride
//   lengths  [rows]  f32  in
//   norms    [rows]  f32  in
//
// Grid: one thread an element, 256 a workgroup, folded into (x, y).
// Reference: rowScaleReference in src/ops/row_norms.ts.

struct Params { rows: u32, cols: u32, size: u32, offset: u32, stride: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@group(0) @binding(2) var<storage, read> lengths: array<f32>;
@group(0) @binding(3) var<storage, read> norms: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.rows * params.cols) { return; }
  let row = i / params.cols;
  w[params.offset + row * params.stride + i % params.cols] *= lengths[row] / norms[row];
}
