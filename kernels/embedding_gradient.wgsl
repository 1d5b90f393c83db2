// embedding_gradient — dRows[i] += Σ of dX[row] over the rows whose token is rowIds[i].
//
//   dX     [rows, hidden]  f32  in
//   next   [rows]          u32  in     the next row with the same token, or `rows`
//   first  [ids]           u32  in     the first row of each id, or `rows`
//   dRows  [ids, hidden]   f32  inout
//
// Grid: one thread an element of dRows, 64 a workgroup, folded into (x, y).
// Sums in f32, in the order of the rows. Reference: embeddingGradientReference in src/ops/embedding.ts.

struct Params { rows: u32, hidden: u32, ids: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dX: array<f32>;
@group(0) @binding(2) var<storage, read> next: array<u32>;
@group(0) @binding(3) var<storage, read> first: array<u32>;
@group(0) @binding(4) var<storage, read_write> dRows: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 64u + local.x;
  if (i >= params.ids * params.hidden) { return; }
  let c = i % params.hidden;
  var row = first[i / params.hidden];
  if (row >= params.rows) { return; } // the token is not in the batch
  var sum = 0.0;
  while (row < params.rows) {
    sum += dX[row * params.hidden + c];
    row = next[row];
  }
  dRows[i] += sum;
}
