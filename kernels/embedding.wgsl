// embedding — x[row] = table[tokens[row]].
//
//   table   [vocab, hidden]  f32  in
//   tokens  [rows]           u32  in   each below vocab
//   x       [rows, hidden]   f32  out
//
// Grid: one thread an element of x, 256 a workgroup, folded into (x, y).
// Reference: embedReference in src/ops/embedding.ts.

struct Params { rows: u32, hidden: u32, vocab: u32 }

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
  let row = i / params.hidden;
  let token = min(tokens[row], params.vocab - 1u);
  x[i] = table[token * params.hidden + i % params.hidden];
}
