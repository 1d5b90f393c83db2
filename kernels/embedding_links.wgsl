// embedding_links — where each slot occurs, as linked lists through a slice of a batch's rows.
//
//   slots   [allRows]  u32  in   a token, or its place among chosen ones; 0xffffffff is in no list
//   starts  [rows]     u32  out  the slot where the row is the slice's first with it, else 0xffffffff
//   next    [rows]     u32  out  the slice's next row with the same slot, or `rows`
//
// The slice is rows `firstRow` to `firstRow + rows`; `starts` and `next` count from its first row.
// Grid: one thread a row of the slice, 64 a workgroup. embedding_gradient.wgsl follows the lists, so it
// reads each row of dX once, in ascending order, without atomics.
// Reference: embeddingGradientReference in src/ops/embedding.ts.

struct Params { rows: u32, firstRow: u32, allRows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read_write> starts: array<u32>;
@group(0) @binding(3) var<storage, read_write> next: array<u32>;

const none = 0xffffffffu;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = (wg.x + wg.y * grid.x) * 64u + local.x;
  if (row >= params.rows) { return; }
  let slot = slots[params.firstRow + row];
  if (slot == none) {
    starts[row] = none;
    return;
  }
  var before = row; // one past the row that is looked at
  while (before > 0u && slots[params.firstRow + before - 1u] != slot) { before--; }
  starts[row] = select(none, slot, before == 0u);
  var after = row + 1u;
  while (after < params.rows && slots[params.firstRow + after] != slot) { after++; }
  next[row] = after;
}
