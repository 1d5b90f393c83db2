// attention_key_gradient — the key and value parts of dQkv, from scores computed again:
//   P = exp(S − logSumExp), dV = Pᵀ·dY, dK = scale · (P · (dY·Vᵀ − center) · slope)ᵀ · Q,
// with S as in attention.wgsl and slope = 1, where CAPPED 1 − (S / softCap)².
//
//   qkv        [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  in     query, key and value heads
//   ends       [rows]                                u32       in     one past the last row of the sequence
//   logSumExp  [heads, rows]                         f32       in     from attention
//   dY         [rows, heads, HEAD_VECS]              vec4 f32  in
//   centers    [heads, rows]                         f32       in     from attention_query_gradient.wgsl
//   dQkv       [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  inout  its key and value heads are written
//
// Runs on any adapter; attention_key_gradient_subgroup.wgsl is the same where there are subgroups.
//
// Grid: one thread a row of a key head, folded.
// Sums in f32, over the heads of the group and their rows in order. Dao et al., arXiv 2205.14135,
// appendix B.2.
// Reference: attentionBackwardReference in src/ops/attention_backward.ts. Expanded by src/gpu/expand.ts.

const HEAD_VECS = 8u; // headDim / 4

override CAPPED: bool = false; // scores are capped

struct Params {
  rows: u32, heads: u32, kvHeads: u32, headDim: u32,
  scale: f32, softCap: f32, window: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> ends: array<u32>;
@group(0) @binding(3) var<storage, read> logSumExp: array<f32>;
@group(0) @binding(4) var<storage, read> dY: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> centers: array<f32>;
@group(0) @binding(6) var<storage, read_write> dQkv: array<vec4<f32>>;

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
  if (id >= params.rows * params.kvHeads) { return; }
  let kvHead = id / params.rows;
  let row = id % params.rows;
  let group = params.heads / params.kvHeads;
  let width = (params.heads + 2u * params.kvHeads) * HEAD_VECS;
  let keyAt = row * width + (params.heads + kvHead) * HEAD_VECS;
  let valueAt = keyAt + params.kvHeads * HEAD_VECS;

  let factor = select(params.scale, params.scale / params.softCap, CAPPED);

  //: split
  var key: array<vec4<f32>, HEAD_VECS>;
  //: split
  var value: array<vec4<f32>, HEAD_VECS>;
  //: split
  var dKey: array<vec4<f32>, HEAD_VECS>;
  //: split
  var dValue: array<vec4<f32>, HEAD_VECS>;
  //: unroll
  for (var d = 0u; d < HEAD_VECS; d++) {
    key[d] = qkv[keyAt + d] * factor;
    value[d] = qkv[valueAt + d];
  }

  let end = row + min(ends[row] - row, params.window);
  for (var head = kvHead * group; head < (kvHead + 1u) * group; head++) {
    for (var other = row; other < end; other++) {
      let queryAt = other * width + head * HEAD_VECS;
      let gradientAt = (other * params.heads + head) * HEAD_VECS;
      var score = 0.0;
      var change = 0.0;
      //: unroll
      for (var d = 0u; d < HEAD_VECS; d++) {
        score += dot(key[d], qkv[queryAt + d]);
        change += dot(value[d], dY[gradientAt + d]);
      }
      var slope = 1.0;
      if (CAPPED) {
        let share = bounded(score);
        score = params.softCap * share;
        slope = 1.0 - share * share;
      }
      let p = exp(score - logSumExp[head * params.rows + other]);
      let dScore = p * (change - centers[head * params.rows + other]) * slope;
      //: unroll
      for (var d = 0u; d < HEAD_VECS; d++) {
        dValue[d] += p * dY[gradientAt + d];
        dKey[d] += dScore * qkv[queryAt + d];
      }
    }
  }

  //: unroll
  for (var d = 0u; d < HEAD_VECS; d++) {
    dQkv[keyAt + d] = dKey[d] * params.scale;
    dQkv[valueAt + d] = dValue[d];
  }
}
