// attention_key_gradient_subgroup — the key and value parts of dQkv, from scores computed again:
//   P = exp(S − logSumExp), dV = Pᵀ·dY, dK = scale · (P · (dY·Vᵀ − center) · slope)ᵀ · Q,
// with S as in attention.wgsl and slope = 1, where CAPPED 1 − (S / softCap)².
//
//   qkv        [rows, heads + 2 kvHeads, HEAD_EIGHTS]  mat2x4 f32  in     query, key and value heads
//   ends       [rows]                                  u32         in     one past the last row of the sequence
//   logSumExp  [heads, rows]                           f32         in     from attention
//   dY         [rows, heads, HEAD_EIGHTS]              mat2x4 f32  in
//   centers    [heads, rows]                           f32         in     from attention_query_gradient.wgsl
//   dQkv       [rows, heads + 2 kvHeads, HEAD_EIGHTS]  mat2x4 f32  inout  its key and value heads are written
//
// A tile is LANES · KEYS rows of one key head; each thread keeps KEYS keys in registers. The whole
// workgroup, one subgroup, walks the queries that can see the tile, those of every head of the group,
// QUERIES at a time: a slot is a (row, head of the group), lane l loads slot l and broadcasts it.
// The loops over i pick key i's registers by select, as in attention_subgroup.wgsl.
//
// Grid: one workgroup a tile, the tiles of one key head next to each other, folded.
// Sums in f32. Dao et al., arXiv 2205.14135, equations 3 and 4 of appendix B.2.
// Reference: attentionBackwardReference in src/ops/attention_backward.ts. Expanded by src/gpu/expand.ts.

const HEAD_VECS = 8u; // headDim / 4
const HEAD_EIGHTS = 4u; // headDim / 8
const KEYS = 2u; // keys a thread
const LANES = 8u; // threads of a subgroup
const QUERIES = 8u; // slots a step, LANES at most

const LOG2_E = 1.4426950408889634;

override CAPPED: bool = false; // scores are capped

struct Params {
  rows: u32, heads: u32, kvHeads: u32, headDim: u32,
  scale: f32, softCap: f32, window: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<mat2x4<f32>>;
@group(0) @binding(2) var<storage, read> ends: array<u32>;
@group(0) @binding(3) var<storage, read> logSumExp: array<f32>;
@group(0) @binding(4) var<storage, read> dY: array<mat2x4<f32>>;
@group(0) @binding(5) var<storage, read> centers: array<f32>;
@group(0) @binding(6) var<storage, read_write> dQkv: array<mat2x4<f32>>;

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
  let tiles = (params.rows + LANES * KEYS - 1u) / (LANES * KEYS);
  let id = wg.x + wg.y * grid.x;
  if (id >= tiles * params.kvHeads) { return; } // uniform: the whole workgroup leaves
  let kvHead = id / tiles;
  let firstRow = (id % tiles) * LANES * KEYS;
  let lastRow = min(firstRow + LANES * KEYS, params.rows) - 1u;
  let filled = (lastRow - firstRow) / LANES + 1u;
  let width = (params.heads + 2u * params.kvHeads) * HEAD_EIGHTS;
  let keyAt = (params.heads + kvHead) * HEAD_EIGHTS;
  let valueAt = keyAt + params.kvHeads * HEAD_EIGHTS;

  let factor = select(params.scale * LOG2_E, params.scale / params.softCap, CAPPED);

  //: split
  var row: array<u32, KEYS>;
  //: split
  var end: array<u32, KEYS>;
  //: split
  var key: array<vec4<f32>, KEYS * HEAD_VECS>;
  //: split
  var value: array<vec4<f32>, KEYS * HEAD_VECS>;
  //: split
  var dKey: array<vec4<f32>, KEYS * HEAD_VECS>;
  //: split
  var dValue: array<vec4<f32>, KEYS * HEAD_VECS>;
  for (var i = 0u; i < filled; i++) {
    let mine = min(firstRow + i * LANES + local.x, lastRow);
    let last = mine + min(ends[mine] - mine, params.window);
    //: unroll
    for (var n = 0u; n < KEYS; n++) {
      row[n] = select(row[n], mine, n == i);
      end[n] = select(end[n], last, n == i);
    }
    //: unroll
    for (var e = 0u; e < HEAD_EIGHTS; e++) {
      let k = qkv[mine * width + keyAt + e] * factor;
      let v = qkv[mine * width + valueAt + e];
      //: unroll
      for (var n = 0u; n < KEYS; n++) {
        //: unroll
        for (var d = 0u; d < 2u; d++) {
          key[n * HEAD_VECS + 2u * e + d] = select(key[n * HEAD_VECS + 2u * e + d], k[d], n == i);
          value[n * HEAD_VECS + 2u * e + d] = select(value[n * HEAD_VECS + 2u * e + d], v[d], n == i);
        }
      }
    }
  }

  let lastSlot = (lastRow + min(ends[lastRow] - lastRow, params.window)) * group - 1u;
  for (var slot = firstRow * group; slot <= lastSlot; slot += QUERIES) {
    let mine = min(slot + local.x % QUERIES, lastSlot);
    let mineRow = mine / group;
    let head = kvHead * group + mine % group;
    let queryAt = mineRow * width + head * HEAD_EIGHTS;
    let gradientAt = (mineRow * params.heads + head) * HEAD_EIGHTS;
    let mineOffset = logSumExp[head * params.rows + mineRow] * LOG2_E;
    let mineCenter = centers[head * params.rows + mineRow];

    //: split
    var score: array<f32, KEYS * QUERIES>;
    //: split
    var change: array<f32, KEYS * QUERIES>;
    //: unroll
    for (var i = 0u; i < KEYS * QUERIES; i++) {
      score[i] = 0.0;
      change[i] = 0.0;
    }
    //: split
    var query: array<mat2x4<f32>, HEAD_EIGHTS>;
    //: split
    var gradient: array<mat2x4<f32>, HEAD_EIGHTS>;
    //: unroll
    for (var e = 0u; e < HEAD_EIGHTS; e++) {
      query[e] = qkv[queryAt + e];
      //: unroll
      for (var d = 2u * e; d < 2u * e + 2u; d++) {
        //: unroll
        for (var b = 0u; b < QUERIES; b++) {
          let q = subgroupBroadcast(query[d / 2u][d % 2u], b);
          //: unroll
          for (var n = 0u; n < KEYS; n++) {
            score[n * QUERIES + b] = fma(key[n * HEAD_VECS + d].x, q.x, score[n * QUERIES + b]);
            score[n * QUERIES + b] = fma(key[n * HEAD_VECS + d].y, q.y, score[n * QUERIES + b]);
            score[n * QUERIES + b] = fma(key[n * HEAD_VECS + d].z, q.z, score[n * QUERIES + b]);
            score[n * QUERIES + b] = fma(key[n * HEAD_VECS + d].w, q.w, score[n * QUERIES + b]);
          }
        }
      }
    }
    //: unroll
    for (var e = 0u; e < HEAD_EIGHTS; e++) {
      gradient[e] = dY[gradientAt + e];
      //: unroll
      for (var d = 2u * e; d < 2u * e + 2u; d++) {
        //: unroll
        for (var b = 0u; b < QUERIES; b++) {
          let g = subgroupBroadcast(gradient[d / 2u][d % 2u], b);
          //: unroll
          for (var n = 0u; n < KEYS; n++) {
            change[n * QUERIES + b] = fma(value[n * HEAD_VECS + d].x, g.x, change[n * QUERIES + b]);
            change[n * QUERIES + b] = fma(value[n * HEAD_VECS + d].y, g.y, change[n * QUERIES + b]);
            change[n * QUERIES + b] = fma(value[n * HEAD_VECS + d].z, g.z, change[n * QUERIES + b]);
            change[n * QUERIES + b] = fma(value[n * HEAD_VECS + d].w, g.w, change[n * QUERIES + b]);
          }
        }
      }
    }

    //: unroll
    for (var b = 0u; b < QUERIES; b++) {
      let offset = subgroupBroadcast(mineOffset, b);
      let center = subgroupBroadcast(mineCenter, b);
      let queryRow = (slot + b) / group;
      //: unroll
      for (var n = 0u; n < KEYS; n++) {
        var slope = 1.0;
        if (CAPPED) {
          let share = bounded(score[n * QUERIES + b]);
          score[n * QUERIES + b] = params.softCap * LOG2_E * share;
          slope = 1.0 - share * share;
        }
        let seen = queryRow >= row[n] && queryRow < end[n];
        let p = select(0.0, exp2(score[n * QUERIES + b] - offset), seen);
        score[n * QUERIES + b] = p;
        change[n * QUERIES + b] = p * (change[n * QUERIES + b] - center) * slope;
      }
    }

    //: unroll
    for (var d = 0u; d < HEAD_VECS; d++) {
      //: unroll
      for (var b = 0u; b < QUERIES; b++) {
        let q = subgroupBroadcast(query[d / 2u][d % 2u], b);
        let g = subgroupBroadcast(gradient[d / 2u][d % 2u], b);
        //: unroll
        for (var n = 0u; n < KEYS; n++) {
          dValue[n * HEAD_VECS + d] = fma(vec4(score[n * QUERIES + b]), g, dValue[n * HEAD_VECS + d]);
          dKey[n * HEAD_VECS + d] = fma(vec4(change[n * QUERIES + b]), q, dKey[n * HEAD_VECS + d]);
        }
      }
    }
  }

  for (var i = 0u; i < filled; i++) {
    let mine = firstRow + i * LANES + local.x;
    if (mine < params.rows) {
      //: unroll
      for (var e = 0u; e < HEAD_EIGHTS; e++) {
        var k = mat2x4(dKey[2u * e], dKey[2u * e + 1u]);
        var v = mat2x4(dValue[2u * e], dValue[2u * e + 1u]);
        //: unroll
        for (var n = 1u; n < KEYS; n++) {
          //: unroll
          for (var d = 0u; d < 2u; d++) {
            k[d] = select(k[d], dKey[n * HEAD_VECS + 2u * e + d], n == i);
            v[d] = select(v[d], dValue[n * HEAD_VECS + 2u * e + d], n == i);
          }
        }
        dQkv[mine * width + keyAt + e] = k * params.scale;
        dQkv[mine * width + valueAt + e] = v;
      }
    }
  }
}
