// scatter_rows — table[rowIds[i]] = rows[i], of the ids that lie in this shard.
//
//   rows    [ids, hidden]    f32  in
//   rowIds  [ids]            u32  in     different from each other
//   table   [count, hidden]  f32  inout  rows `firstId` to `firstId + count` of the whole
//
// Grid: one thread an element of rows, 256 a workgroup, folded into (x, y).
// Reference: a loop over the ids.

struct Params { ids: u32, hidden: u32, firstId: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> rowIds: array<u32>;
@group(0) @binding(3) var<storage, read_write> table: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.ids * params.hidden) { return; }
  let id = rowIds[i / params.hidden];
  if (id < params.firstId || id - params.firstId >= params.count) { return; }
  table[(id - params.firstId) * params.hidden + i % params.hidden] = rows[i];
}
