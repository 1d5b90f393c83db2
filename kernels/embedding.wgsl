// embedding — x[row] = scale · table[tokens[row]], of the rows whose token lies in this shard.
//
//   table   [ids, hidden]   f32  in     rows `firstId` to `firstId + ids` of `vocab`
//   tokens  [rows]          u32  in     past the vocabulary: read as its last id
//   x       [rows, hidden]  f32  inout  rows of other shards are left alone
//
// Grid: one thread an element of x, 256 a workgroup, folded into (x, y).
// Reference: embedReference in src/ops/embedding.ts.

struct Params { rows: u32, hidden: u32, firstId: u32, ids: u32, vocab: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read> tokens: array<u32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.rows * params.hidden) { return; }
  let token = min(tokens[i / params.hidden], params.vocab - 1u);
  if (token < params.firstId || token - params.firstId >= params.ids) { return; }
  let at = (token - params.firstId) * params.hidden + i % params.hidden;
  x[i] = params.scale * table[at];
}
