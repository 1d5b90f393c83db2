// cross_entropy_columns — picked[row, i] = dLogits[row, rowIds[i] − firstId], or 0 outside the chunk.
//
//   dLogits  [rows, cols]  f32  in   a chunk of the logits' gradient, ids from `firstId`
//   rowIds   [ids]         u32  in   the trained rows of the head
//   picked   [rows, ids]   f32  out
//
// Grid: one thread an element of picked, 64 a workgroup, folded into (x, y).
// Reference: crossEntropyReference in src/ops/cross_entropy.ts.

struct Params { rows: u32, cols: u32, ids: u32, firstId: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dLogits: array<f32>;
@group(0) @binding(2) var<storage, read> rowIds: array<u32>;
@group(0) @binding(3) var<storage, read_write> picked: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 64u + local.x;
  if (i >= params.rows * params.ids) { return; }
  let id = rowIds[i % params.ids];
  var value = 0.0;
  if (id >= params.firstId && id - params.firstId < params.cols) {
    value = dLogits[i / params.ids * params.cols + id - params.firstId];
  }
  picked[i] = value;
}
