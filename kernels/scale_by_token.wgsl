// scale_by_token — x[r, c] *= weights[firstRow + r]: each token's loss, or its gradient, by its weight.
//
//   x        [rows, cols]  f32  inout  rows from `firstRow` of a batch
//   weights  [allRows]     f32  in
//
// Grid: one thread an element, 256 a workgroup, folded into (x, y).
// Reference: scaleByTokenReference in src/ops/scale_by_token.ts.

struct Params { rows: u32, cols: u32, firstRow: u32, allRows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.rows * params.cols) { return; }
  x[i] *= weights[params.firstRow + i / params.cols];
}
