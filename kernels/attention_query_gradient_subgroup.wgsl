// attention_query_gradient_subgroup — the query part of dQkv, from scores computed again:
//   P = exp(S − logSumExp), center = rowsum(dY · y), dQ = scale · (P · (dY·Vᵀ − center) · slope) · K,
// with S as in attention.wgsl and slope = 1, where CAPPED 1 − (S / softCap)².
//
//   qkv        [rows, heads + 2 kvHeads, HEAD_EIGHTS]  mat2x4 f32  in     query, key and value heads
//   starts     [rows]                                  u32         in     row where the row's sequence starts
//   y          [rows, heads, HEAD_EIGHTS]              mat2x4 f32  in     what attention gave
//   logSumExp  [heads, rows]                           f32         in     and this too
//   dY         [rows, heads, HEAD_EIGHTS]              mat2x4 f32  in
//   centers    [heads, rows]                           f32         out    for attention_key_gradient.wgsl
//   dQkv       [rows, heads + 2 kvHeads, HEAD_EIGHTS]  mat2x4 f32  inout  its query heads are written
//
// Slots, tiles, the walk along the keys and the loops over i are those of attention_subgroup.wgsl.
//
// Grid: one workgroup a tile, the tiles of one key head next to each other, folded.
// Sums in f32. Dao et al., arXiv 2205.14135, equation 4 of appendix B.2.
// Reference: attentionBackwardReference in src/ops/attention_backward.ts. Expanded by src/gpu/expand.ts.

const HEAD_VECS = 8u; // headDim / 4
const HEAD_EIGHTS = 4u; // headDim / 8
const QUERIES = 4u; // slots a thread
const LANES = 8u; // threads of a subgroup
const KEYS = 4u; // keys a step, LANES / 2 at most

const LOG2_E = 1.4426950408889634;

override CAPPED: bool = false; // scores are capped

struct Params {
  rows: u32, heads: u32, kvHeads: u32, headDim: u32,
  scale: f32, softCap: f32, window: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<mat2x4<f32>>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> y: array<mat2x4<f32>>;
@group(0) @binding(4) var<storage, read> logSumExp: array<f32>;
@group(0) @binding(5) var<storage, read> dY: array<mat2x4<f32>>;
@group(0) @binding(6) var<storage, read_write> centers: array<f32>;
@group(0) @binding(7) var<storage, read_write> dQkv: array<mat2x4<f32>>;

// tanh without the overflow of exp, and without the cancellation near 0 (there its continued fraction).
fn bounded(x: f32) -> f32 {
  let s = x * x;
  let near = x * (945.0 + s * (105.0 + s)) / (945.0 + s * (420.0 + s * 15.0));
  let far = sign(x) * (1.0 - 2.0 / (exp(2.0 * min(abs(x), 16.0)) + 1.0));
  return select(far, near, abs(x) < 0.6);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let group = params.heads / params.kvHeads;
  let slots = params.rows * group;
  let tiles = (slots + LANES * QUERIES - 1u) / (LANES * QUERIES);
  let id = wg.x + wg.y * grid.x;
  if (id >= tiles * params.kvHeads) { return; } // uniform: the whole workgroup leaves
  let kvHead = id / tiles;
  let firstSlot = (id % tiles) * LANES * QUERIES;
  let lastRow = (min(firstSlot + LANES * QUERIES, slots) - 1u) / group;
  let filled = (min(LANES * QUERIES, slots - firstSlot) + LANES - 1u) / LANES;
  let width = (params.heads + 2u * params.kvHeads) * HEAD_EIGHTS;
  let keyAt = (params.heads + kvHead) * HEAD_EIGHTS;
  let valueAt = keyAt + params.kvHeads * HEAD_EIGHTS;

  let factor = select(params.scale * LOG2_E, params.scale / params.softCap, CAPPED);

  //: split
  var row: array<u32, QUERIES>;
  //: split
  var start: array<u32, QUERIES>;
  //: split
  var query: array<vec4<f32>, QUERIES * HEAD_VECS>;
  //: split
  var gradient: array<vec4<f32>, QUERIES * HEAD_VECS>;
  //: split
  var sum: array<vec4<f32>, QUERIES * HEAD_VECS>;
  //: split
  var offset: array<f32, QUERIES>;
  //: split
  var center: array<f32, QUERIES>;
  for (var i = 0u; i < filled; i++) {
    let slot = min(firstSlot + i * LANES + local.x, slots - 1u);
    let head = kvHead * group + slot % group;
    let mine = slot / group;
    let begin = max(starts[mine], mine - min(mine, params.window - 1u));
    let scores = logSumExp[head * params.rows + mine] * LOG2_E;
    let queryAt = mine * width + head * HEAD_EIGHTS;
    let gradientAt = (mine * params.heads + head) * HEAD_EIGHTS;
    var total = 0.0;
    //: unroll
    for (var e = 0u; e < HEAD_EIGHTS; e++) {
      let q = qkv[queryAt + e] * factor;
      let g = dY[gradientAt + e];
      let given = y[gradientAt + e];
      //: unroll
      for (var d = 0u; d < 2u; d++) {
        total += dot(g[d], given[d]);
        //: unroll
        for (var n = 0u; n < QUERIES; n++) {
          query[n * HEAD_VECS + 2u * e + d] = select(query[n * HEAD_VECS + 2u * e + d], q[d], n == i);
          gradient[n * HEAD_VECS + 2u * e + d] =
            select(gradient[n * HEAD_VECS + 2u * e + d], g[d], n == i);
        }
      }
    }
    //: unroll
    for (var n = 0u; n < QUERIES; n++) {
      row[n] = select(row[n], mine, n == i);
      start[n] = select(start[n], begin, n == i);
      offset[n] = select(offset[n], scores, n == i);
      center[n] = select(center[n], total, n == i);
    }
    centers[head * params.rows + mine] = total; // clamped slots write the last one's again
  }

  let firstRow = firstSlot / group;
  let first = max(starts[firstRow], firstRow - min(firstRow, params.window - 1u));
  for (var key = first; key <= lastRow; key += KEYS) {
    let mine = min(key + local.x % KEYS, lastRow) * width +
      select(keyAt, valueAt, local.x % (2u * KEYS) >= KEYS);

    //: split
    var score: array<f32, QUERIES * KEYS>;
    //: split
    var change: array<f32, QUERIES * KEYS>;
    //: unroll
    for (var i = 0u; i < QUERIES * KEYS; i++) {
      score[i] = 0.0;
      change[i] = 0.0;
    }
    //: split
    var loaded: array<mat2x4<f32>, HEAD_EIGHTS>;
    //: unroll
    for (var e = 0u; e < HEAD_EIGHTS; e++) {
      loaded[e] = qkv[mine + e];
      //: unroll
      for (var d = 2u * e; d < 2u * e + 2u; d++) {
        //: unroll
        for (var b = 0u; b < KEYS; b++) {
          let k = subgroupBroadcast(loaded[d / 2u][d % 2u], b);
          //: unroll
          for (var n = 0u; n < QUERIES; n++) {
            score[n * KEYS + b] = fma(query[n * HEAD_VECS + d].x, k.x, score[n * KEYS + b]);
            score[n * KEYS + b] = fma(query[n * HEAD_VECS + d].y, k.y, score[n * KEYS + b]);
            score[n * KEYS + b] = fma(query[n * HEAD_VECS + d].z, k.z, score[n * KEYS + b]);
            score[n * KEYS + b] = fma(query[n * HEAD_VECS + d].w, k.w, score[n * KEYS + b]);
          }
        }
      }
    }
    //: unroll
    for (var d = 0u; d < HEAD_VECS; d++) {
      //: unroll
      for (var b = 0u; b < KEYS; b++) {
        let v = subgroupBroadcast(loaded[d / 2u][d % 2u], KEYS + b);
        //: unroll
        for (var n = 0u; n < QUERIES; n++) {
          change[n * KEYS + b] = fma(gradient[n * HEAD_VECS + d].x, v.x, change[n * KEYS + b]);
          change[n * KEYS + b] = fma(gradient[n * HEAD_VECS + d].y, v.y, change[n * KEYS + b]);
          change[n * KEYS + b] = fma(gradient[n * HEAD_VECS + d].z, v.z, change[n * KEYS + b]);
          change[n * KEYS + b] = fma(gradient[n * HEAD_VECS + d].w, v.w, change[n * KEYS + b]);
        }
      }
    }

    //: unroll
    for (var n = 0u; n < QUERIES; n++) {
      //: unroll
      for (var b = 0u; b < KEYS; b++) {
        var slope = 1.0;
        if (CAPPED) {
          let share = bounded(score[n * KEYS + b]);
          score[n * KEYS + b] = params.softCap * LOG2_E * share;
          slope = 1.0 - share * share;
        }
        let seen = key + b >= start[n] && key + b <= row[n];
        let p = select(0.0, exp2(score[n * KEYS + b] - offset[n]), seen);
        score[n * KEYS + b] = p * (change[n * KEYS + b] - center[n]) * slope;
      }
    }

    //: unroll
    for (var d = 0u; d < HEAD_VECS; d++) {
      //: unroll
      for (var b = 0u; b < KEYS; b++) {
        let k = subgroupBroadcast(loaded[d / 2u][d % 2u], b);
        //: unroll
        for (var n = 0u; n < QUERIES; n++) {
          sum[n * HEAD_VECS + d] = fma(vec4(score[n * KEYS + b]), k, sum[n * HEAD_VECS + d]);
        }
      }
    }
  }

  for (var i = 0u; i < filled; i++) {
    let slot = firstSlot + i * LANES + local.x;
    if (slot < slots) {
      let at = slot / group * width + (kvHead * group + slot % group) * HEAD_EIGHTS;
      //: unroll
      for (var e = 0u; e < HEAD_EIGHTS; e++) {
        var own = mat2x4(sum[2u * e], sum[2u * e + 1u]);
        //: unroll
        for (var n = 1u; n < QUERIES; n++) {
          //: unroll
          for (var d = 0u; d < 2u; d++) {
            own[d] = select(own[d], sum[n * HEAD_VECS + 2u * e + d], n == i);
          }
        }
        dQkv[at + e] = own * params.scale;
      }
    }
  }
}
