// attention — y = softmax(S) · V a head, each row over the last `window` rows of its sequence up to
// itself. S = scale · Q·Kᵀ; where CAPPED, softCap · tanh(scale · Q·Kᵀ / softCap).
//
//   qkv        [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  in   query heads, key heads, value heads
//   starts     [rows]                                u32       in   row where the row's sequence starts
//   y          [rows, heads, HEAD_VECS]              vec4 f32  out
//   logSumExp  [heads, rows]                         f32       out  of the scores S; for the backward
//
// Runs on any adapter; attention_subgroup.wgsl is the same where there are subgroups.
//
// Grid: one thread a row of a head, folded.
// Sums in f32; the softmax is rescaled as its maximum grows (Milakov and Gimelshein, arXiv 1805.02867).
// Reference: attentionReference in src/ops/attention.ts. Expanded by src/gpu/expand.ts.

const HEAD_VECS = 8u; // headDim / 4

override CAPPED: bool = false; // scores are capped

struct Params {
  rows: u32, heads: u32, kvHeads: u32, headDim: u32,
  scale: f32, softCap: f32, window: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> logSumExp: array<f32>;

// tanh without the overflow of exp, and without the cancellation near 0 (there its continued fraction).
fn bounded(x: f32) -> f32 {
  let s = x * x;
  let near = x * (945.0 + s * (105.0 + s)) / (945.0 + s * (420.0 + s * 15.0));
  let far = sign(x) * (1.0 - 2.0 / (exp(2.0 * min(abs(x), 16.0)) + 1.0));
  return select(far, near, abs(x) < 0.6);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let id = (wg.x + wg.y * grid.x) * 64u + local.x;
  if (id >= params.rows * params.heads) { return; }
  let head = id / params.rows;
  let row = id % params.rows;
  let width = (params.heads + 2u * params.kvHeads) * HEAD_VECS;
  let queryAt = row * width + head * HEAD_VECS;
  let keyAt = (params.heads + head / (params.heads / params.kvHeads)) * HEAD_VECS;
  let valueAt = keyAt + params.kvHeads * HEAD_VECS;

  let factor = select(params.scale, params.scale / params.softCap, CAPPED);

  //: split
  var query: array<vec4<f32>, HEAD_VECS>;
  //: split
  var mean: array<vec4<f32>, HEAD_VECS>;
  //: unroll
  for (var d = 0u; d < HEAD_VECS; d++) {
    query[d] = qkv[queryAt + d] * factor;
  }

  var top = -1e30;
  var sum = 0.0;
  let begin = max(starts[row], row - min(row, params.window - 1u));
  for (var key = begin; key <= row; key++) {
    var score = 0.0;
    //: unroll
    for (var d = 0u; d < HEAD_VECS; d++) {
      score += dot(query[d], qkv[key * width + keyAt + d]);
    }
    if (CAPPED) { score = params.softCap * bounded(score); }
    let before = top;
    top = max(top, score);
    let keep = exp(before - top);
    let p = exp(score - top);
    sum = sum * keep + p;
    //: unroll
    for (var d = 0u; d < HEAD_VECS; d++) {
      mean[d] = mean[d] * keep + p * qkv[key * width + valueAt + d];
    }
  }

  //: unroll
  for (var d = 0u; d < HEAD_VECS; d++) {
    y[(row * params.heads + head) * HEAD_VECS + d] = mean[d] / sum;
  }
  logSumExp[head * params.rows + row] = top + log(sum);
}
