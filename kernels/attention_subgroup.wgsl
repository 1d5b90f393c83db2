// attention_subgroup — y = softmax(S) · V a head, each row over the last `window` rows of its sequence
// up to itself. S = scale · Q·Kᵀ; where CAPPED, softCap · tanh(scale · Q·Kᵀ / softCap). The scores never
// leave the registers.
//
//   qkv        [rows, heads + 2 kvHeads, HEAD_EIGHTS]  mat2x4 f32  in   query heads, key heads, value heads
//   starts     [rows]                                  u32         in   row where the row's sequence starts
//   y          [rows, heads, HEAD_EIGHTS]              mat2x4 f32  out
//   logSumExp  [heads, rows]                           f32         out  of the scores S; for the backward
//
// The group = heads / kvHeads query heads that share a key head are worked on together: a slot is a
// (row, head of the group) and a tile LANES · QUERIES slots. The whole workgroup, one subgroup, walks
// the same keys, KEYS at a time: of 2 · KEYS lanes the first half load a key each, the second half a
// value each, and all broadcast. Each thread keeps QUERIES slots in registers. Keys that a slot must
// not see score −1e38, below any running maximum.
//
// The loops over i pick slot i's registers by select: on a CPU a load or store is long code, and a copy
// of it for each slot made the kernel take several times longer to compile.
//
// Grid: one workgroup a tile, the tiles of one key head next to each other, folded.
// Sums in f32; the softmax is rescaled as its maximum grows (Milakov and Gimelshein, arXiv 1805.02867).
// Reference: attentionReference in src/ops/attention.ts. Expanded by src/gpu/expand.ts.

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
@group(0) @binding(3) var<storage, read_write> y: array<mat2x4<f32>>;
@group(0) @binding(4) var<storage, read_write> logSumExp: array<f32>;

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
  var mean: array<vec4<f32>, QUERIES * HEAD_VECS>;
  //: split
  var top: array<f32, QUERIES>;
  //: split
  var sum: array<f32, QUERIES>;
  //: unroll
  for (var n = 0u; n < QUERIES; n++) {
    top[n] = -1e30;
  }
  for (var i = 0u; i < filled; i++) {
    let slot = min(firstSlot + i * LANES + local.x, slots - 1u);
    let mine = slot / group;
    let begin = max(starts[mine], mine - min(mine, params.window - 1u));
    let at = mine * width + (kvHead * group + slot % group) * HEAD_EIGHTS;
    //: unroll
    for (var n = 0u; n < QUERIES; n++) {
      row[n] = select(row[n], mine, n == i);
      start[n] = select(start[n], begin, n == i);
    }
    //: unroll
    for (var e = 0u; e < HEAD_EIGHTS; e++) {
      let q = qkv[at + e] * factor;
      //: unroll
      for (var n = 0u; n < QUERIES; n++) {
        //: unroll
        for (var d = 0u; d < 2u; d++) {
          query[n * HEAD_VECS + 2u * e + d] = select(query[n * HEAD_VECS + 2u * e + d], q[d], n == i);
        }
      }
    }
  }

  let firstRow = firstSlot / group;
  let first = max(starts[firstRow], firstRow - min(firstRow, params.window - 1u));
  for (var key = first; key <= lastRow; key += KEYS) {
    let mine = min(key + local.x % KEYS, lastRow) * width +
      select(keyAt, valueAt, local.x % (2u * KEYS) >= KEYS);
    //: split
    var loaded: array<mat2x4<f32>, HEAD_EIGHTS>;

    //: split
    var score: array<f32, QUERIES * KEYS>;
    //: unroll
    for (var i = 0u; i < QUERIES * KEYS; i++) {
      score[i] = 0.0;
    }
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
    for (var n = 0u; n < QUERIES; n++) {
      let before = top[n];
      //: unroll
      for (var b = 0u; b < KEYS; b++) {
        if (CAPPED) {
          score[n * KEYS + b] = params.softCap * LOG2_E * bounded(score[n * KEYS + b]);
        }
        let seen = key + b >= start[n] && key + b <= row[n];
        score[n * KEYS + b] = select(-1e38, score[n * KEYS + b], seen);
        top[n] = max(top[n], score[n * KEYS + b]);
      }
      let keep = exp2(before - top[n]);
      sum[n] *= keep;
      //: unroll
      for (var d = 0u; d < HEAD_VECS; d++) {
        mean[n * HEAD_VECS + d] *= keep;
      }
      //: unroll
      for (var b = 0u; b < KEYS; b++) {
        score[n * KEYS + b] = exp2(score[n * KEYS + b] - top[n]);
        sum[n] += score[n * KEYS + b];
      }
    }

    //: unroll
    for (var d = 0u; d < HEAD_VECS; d++) {
      //: unroll
      for (var b = 0u; b < KEYS; b++) {
        let v = subgroupBroadcast(loaded[d / 2u][d % 2u], KEYS + b);
        //: unroll
        for (var n = 0u; n < QUERIES; n++) {
          mean[n * HEAD_VECS + d] = fma(vec4(score[n * KEYS + b]), v, mean[n * HEAD_VECS + d]);
        }
      }
    }
  }

  for (var i = 0u; i < filled; i++) {
    var share = 0.0;
    var scores = 0.0;
    //: unroll
    for (var n = 0u; n < QUERIES; n++) {
      share = select(share, 1.0 / sum[n], n == i);
      scores = select(scores, (top[n] + log2(sum[n])) / LOG2_E, n == i);
    }
    let slot = firstSlot + i * LANES + local.x;
    if (slot < slots) {
      let head = kvHead * group + slot % group;
      let at = (slot / group * params.heads + head) * HEAD_EIGHTS;
      //: unroll
      for (var e = 0u; e < HEAD_EIGHTS; e++) {
        var own = mat2x4(mean[2u * e], mean[2u * e + 1u]);
        //: unroll
        for (var n = 1u; n < QUERIES; n++) {
          //: unroll
          for (var d = 0u; d < 2u; d++) {
            own[d] = select(own[d], mean[n * HEAD_VECS + 2u * e + d], n == i);
          }
        }
        y[at + e] = own * share;
      }
      logSumExp[head * params.rows + slot / group] = scores;
    }
  }
}
