// embedding_links — where each token occurs, as linked lists through the rows of a batch.
//
//   tokens  [rows]  u32  in
//   rowIds  [ids]   u32  in
//   next    [rows]  u32  out  the next row with the same token, or `rows`
//   first   [ids]   u32  out  the first row whose token is rowIds[i], or `rows`
//
// Grid: one thread a row and one an id, 64 a workgroup. embedding_gradient.wgsl follows the lists, so
// it reads each row of dX once, in ascending order, without atomics.
// Reference: embeddingGradientReference in src/ops/embedding.ts.

struct Params { rows: u32, ids: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> rowIds: array<u32>;
@group(0) @binding(3) var<storage, read_write> next: array<u32>;
@group(0) @binding(4) var<storage, read_write> first: array<u32>;

// The first row at or after `start` whose token is `token`, or `rows`.
fn find(token: u32, start: u32) -> u32 {
  var row = start;
  while (row < params.rows && tokens[row] != token) { row++; }
  return row;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 64u + local.x;
  if (i < params.rows) {
    next[i] = find(tokens[i], i + 1u);
  } else if (i - params.rows < params.ids) {
    first[i - params.rows] = find(rowIds[i - params.rows], 0u);
  }
}
