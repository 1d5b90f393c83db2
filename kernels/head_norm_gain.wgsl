// head_norm_gain — partial[b, c] = Σ dY · x · rstd over the rows of block b and heads [firstHead, endHead).
//
//   qkv      [rows, heads + 2 kvHeads, headDim]  f32  in   input of the forward: the x of each head
//   rstd     [rows, heads + kvHeads]             f32  in   saved by the forward
//   dY       [rows, heads + 2 kvHeads, headDim]  f32  in
//   partial  [blocks, headDim]                   f32  out  column_sum.wgsl adds the blocks to the gradient
//
// A block is `blockRows` rows; [firstHead, endHead) are the query heads or the key heads.
// Grid: (64 columns a workgroup, one block).
// Sums in f32, always in the same order. Reference: headNormBackwardReference in src/ops/head_norm.ts.

struct Params {
  rows: u32, heads: u32, kvHeads: u32, headDim: u32, firstHead: u32, endHead: u32,
  blocks: u32, blockRows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dY: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  let block = id.y;
  if (c >= params.headDim) { return; }
  let normed = params.heads + params.kvHeads;
  let end = min((block + 1u) * params.blockRows, params.rows);
  var sum = 0.0;
  for (var row = block * params.blockRows; row < end; row++) {
    for (var head = params.firstHead; head < params.endHead; head++) {
      let at = (row * (normed + params.kvHeads) + head) * params.headDim + c;
      sum += dY[at] * qkv[at] * rstd[row * normed + head];
    }
  }
  partial[block * params.headDim + c] = sum;
}
