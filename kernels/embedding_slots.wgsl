// embedding_slots — which of the chosen rows of a table each token is.
//
//   tokens  [rows]  u32  in
//   rowIds  [ids]   u32  in   different from each other
//   slots   [rows]  u32  out  the i with rowIds[i] = tokens[row], or 0xffffffff
//
// Grid: one thread a row, 64 a workgroup, folded into (x, y).
// Reference: embeddingGradientReference in src/ops/embedding.ts.

struct Params { rows: u32, ids: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> rowIds: array<u32>;
@group(0) @binding(3) var<storage, read_write> slots: array<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = (wg.x + wg.y * grid.x) * 64u + local.x;
  if (row >= params.rows) { return; }
  let token = tokens[row];
  var slot = 0xffffffffu;
  for (var i = 0u; i < params.ids; i++) {
    if (rowIds[i] == token) { slot = i; }
  }
  slots[row] = slot;
}
