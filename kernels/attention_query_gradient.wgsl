// attention_query_gradient — the query part of dQkv, from scores computed again:
//   P = exp(S − logSumExp), center = rowsum(dY · y), dQ = scale · (P · (dY·Vᵀ − center) · slope) · K,
// with S as in attention.wgsl and slope = 1, where CAPPED 1 − (S / softCap)².
//
//   qkv        [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  in     query, key and value heads
//   starts     [rows]                                u32       in     row where the row's sequence starts
//   y          [rows, heads, HEAD_VECS]              vec4 f32  in     what attention gave
//   logSumExp  [heads, rows]                         f32       in     and this too
//   dY         [rows, heads, HEAD_VECS]              vec4 f32  in
//   centers    [heads, rows]                         f32       out    for attention_key_gradient.wgsl
//   dQkv       [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  inout  its query heads are written
//
// Runs on any adapter; attention_query_gradient_subgroup.wgsl is the same where there are subgroups.
//
// Grid: one thread a row of a head, folded.
// Sums in f32. Dao et al., arXiv 2205.14135, appendix B.2.
// Reference: attentionBackwardReference in src/ops/attention_backward.ts. Expanded by src/gpu/expand.ts.

const HEAD_VECS = 8u; // headDim / 4

override CAPPED: bool = false; // scores are capped

struct Params {
  rows: u32, heads: u32, kvHeads: u32, headDim: u32,
  scale: f32, softCap: f32, window: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> logSumExp: array<f32>;
@group(0) @binding(5) var<storage, read> dY: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> centers: array<f32>;
@group(0) @binding(7) var<storage, read_write> dQkv: array<vec4<f32>>;

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
  let gradientAt = (row * params.heads + head) * HEAD_VECS;
  let keyAt = (params.heads + head / (params.heads / params.kvHeads)) * HEAD_VECS;
  let valueAt = keyAt + params.kvHeads * HEAD_VECS;

  let factor = select(params.scale, params.scale / params.softCap, CAPPED);

  //: split
  var query: array<vec4<f32>, HEAD_VECS>;
  //: split
  var gradient: array<vec4<f32>, HEAD_VECS>;
  //: split
  var sum: array<vec4<f32>, HEAD_VECS>;
  var center = 0.0;
  //: unroll
  for (var d = 0u; d < HEAD_VECS; d++) {
    query[d] = qkv[queryAt + d] * factor;
    gradient[d] = dY[gradientAt + d];
    center += dot(gradient[d], y[gradientAt + d]);
  }

  let offset = logSumExp[head * params.rows + row];
  let begin = max(starts[row], row - min(row, params.window - 1u));
  for (var key = begin; key <= row; key++) {
    var score = 0.0;
    var change = 0.0;
    //: unroll
    for (var d = 0u; d < HEAD_VECS; d++) {
      score += dot(query[d], qkv[key * width + keyAt + d]);
      change += dot(gradient[d], qkv[key * width + valueAt + d]);
    }
    var slope = 1.0;
    if (CAPPED) {
      let share = bounded(score);
      score = params.softCap * share;
      slope = 1.0 - share * share;
    }
    let dScore = exp(score - offset) * (change - center) * slope;
    //: unroll
    for (var d = 0u; d < HEAD_VECS; d++) {
      sum[d] += dScore * qkv[key * width + keyAt + d];
    }
  }

  //: unroll
  for (var d = 0u; d < HEAD_VECS; d++) {
    dQkv[queryAt + d] = sum[d] * params.scale;
  }
  centers[head * params.rows + row] = center;
}
