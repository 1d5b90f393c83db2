// column_scale — z[r, c] = y[r, c], then y[r, c] *= lengths[c] / norms[c].
//
//   y        [size]        f32  inout  a window of columns: row r starts at offset + r · stride
//   lengths  [cols]        f32  in
//   norms    [cols]        f32  in
//   z        [rows, cols]  f32  out    what was scaled; column_scale_backward.wgsl reads it
//
// Grid: one thread an element, 256 a workgroup, folded into (x, y).
// Reference: columnScaleReference in src/ops/column_scale.ts.

struct Params { rows: u32, cols: u32, size: u32, offset: u32, stride: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> lengths: array<f32>;
@group(0) @binding(3) var<storage, read> norms: array<f32>;
@group(0) @binding(4) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.rows * params.cols) { return; }
  let c = i % params.cols;
  let at = params.offset + i / params.cols * params.stride + c;
  z[i] = y[at];
  y[at] *= lengths[c] / norms[c];
}
