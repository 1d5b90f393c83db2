// embedding_gradient — dRows[slot − firstId] += scale · Σ of dX[row] over a slice's rows of that slot.
//
//   dX      [allRows, hidden]  f32  in
//   starts  [rows]             u32  in     the slot where the row is the slice's first with it
//   next    [rows]             u32  in     the slice's next row with the same slot, or `rows`
//   dRows   [ids, hidden]      f32  inout  of the slots `firstId` to `firstId + ids`; others are left out
//
// Grid: one thread an element of the slice, 64 a workgroup, folded into (x, y); a slot's first row works.
// Sums in f32, in the order of the rows. Reference: embeddingGradientReference in src/ops/embedding.ts.

struct Params {
  rows: u32,
  firstRow: u32,
  allRows: u32,
  hidden: u32,
  firstId: u32,
  ids: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dX: array<f32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> next: array<u32>;
@group(0) @binding(4) var<storage, read_write> dRows: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 64u + local.x;
  if (i >= params.rows * params.hidden) { return; }
  var row = i / params.hidden;
  let c = i % params.hidden;
  let slot = starts[row];
  if (slot < params.firstId || slot - params.firstId >= params.ids) { return; }
  var sum = 0.0;
  while (row < params.rows) {
    sum += dX[(params.firstRow + row) * params.hidden + c];
    row = next[row];
  }
  dRows[(slot - params.firstId) * params.hidden + c] += params.scale * sum;
}
