// attention_key_gradient_wide — attention_key_gradient.wgsl for heads too wide for one thread.
//
//   qkv        [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  in     query, key and value heads
//   ends       [rows]                                u32       in     one past the last row of the sequence
//   logSumExp  [heads, rows]                         f32       in     from attention
//   dY         [rows, heads, HEAD_VECS]              vec4 f32  in
//   centers    [heads, rows]                         f32       in     from attention_query_gradient_wide.wgsl
//   dQkv       [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  inout  its key and value heads are written
//
// A workgroup holds a tile of TILE rows of one key head, and walks the slots that can see it BLOCK at a
// time: a slot is a (row, head of the group of heads / kvHeads). The threads share out a block's scores,
// four keys by four slots each, over the whole head; then the columns of the head, each thread those of
// all keys: column lane + c · LANES. In between P and dS go through workgroup memory, a vec4 for a slot
// and four keys.
//
// Grid: one workgroup a tile, the tiles of one key head next to each other, folded.
// Sums in f32. Dao et al., arXiv 2205.14135, equations 3 and 4 of appendix B.2.
// Reference: attentionBackwardReference in src/ops/attention_backward.ts. Expanded by src/gpu/expand.ts.

const HEAD_VECS = 32u; // headDim / 4
const LANES = 8u; // threads
const COLUMNS = 4u; // columns a thread, HEAD_VECS / LANES rounded up
const TILE = 8u; // keys
const GROUPS = 2u; // TILE / 4
const BLOCK = 16u; // slots, 4 · LANES / GROUPS

const LOG2_E = 1.4426950408889634;

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

var<workgroup> shares: array<vec4<f32>, BLOCK * GROUPS>; // of a slot and four keys each
var<workgroup> dScores: array<vec4<f32>, BLOCK * GROUPS>;

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
  let tiles = (params.rows + TILE - 1u) / TILE;
  let id = wg.x + wg.y * grid.x;
  if (id >= tiles * params.kvHeads) { return; } // uniform: the whole workgroup leaves
  let kvHead = id / tiles;
  let firstRow = (id % tiles) * TILE;
  let lastRow = min(firstRow + TILE, params.rows) - 1u;
  let width = (params.heads + 2u * params.kvHeads) * HEAD_VECS;
  let keyAt = (params.heads + kvHead) * HEAD_VECS;
  let valueOffset = params.kvHeads * HEAD_VECS;
  let vecs = params.headDim / 4u; // no constant: a driver would unroll the loops over it
  let factor = select(params.scale * LOG2_E, params.scale / params.softCap, CAPPED);

  let keyGroup = local.x % GROUPS;
  let slotGroup = local.x / GROUPS;
  // The thread's keys, and one past the last row that sees each.
  //: split
  var row: array<u32, 4>;
  //: split
  var end: array<u32, 4>;
  //: unroll
  for (var n = 0u; n < 4u; n++) {
    row[n] = min(firstRow + keyGroup * 4u + n, lastRow);
    end[n] = row[n] + min(ends[row[n]] - row[n], params.window);
  }

  //: split
  var dKey: array<vec4<f32>, TILE * COLUMNS>;
  //: split
  var dValue: array<vec4<f32>, TILE * COLUMNS>;

  let lastSlot = (lastRow + min(ends[lastRow] - lastRow, params.window)) * group - 1u;
  for (var block = firstRow * group; block <= lastSlot; block += BLOCK) {
    // Of one slot each: a key a component.
    //: split
    var score: array<vec4<f32>, 4>;
    //: split
    var change: array<vec4<f32>, 4>;
    //: split
    var queryAt: array<u32, 4>;
    //: split
    var gradientAt: array<u32, 4>;
    //: unroll
    for (var b = 0u; b < 4u; b++) {
      score[b] = vec4(0.0);
      change[b] = vec4(0.0);
      let slot = min(block + slotGroup * 4u + b, lastSlot);
      let head = kvHead * group + slot % group;
      queryAt[b] = slot / group * width + head * HEAD_VECS;
      gradientAt[b] = (slot / group * params.heads + head) * HEAD_VECS;
    }
    for (var d = 0u; d < vecs; d++) {
      let k0 = qkv[row[0] * width + keyAt + d];
      let k1 = qkv[row[1] * width + keyAt + d];
      let k2 = qkv[row[2] * width + keyAt + d];
      let k3 = qkv[row[3] * width + keyAt + d];
      let v0 = qkv[row[0] * width + keyAt + valueOffset + d];
      let v1 = qkv[row[1] * width + keyAt + valueOffset + d];
      let v2 = qkv[row[2] * width + keyAt + valueOffset + d];
      let v3 = qkv[row[3] * width + keyAt + valueOffset + d];
      //: unroll
      for (var b = 0u; b < 4u; b++) {
        let q = qkv[queryAt[b] + d];
        let g = dY[gradientAt[b] + d];
        score[b] = fma(vec4(k0.x, k1.x, k2.x, k3.x), vec4(q.x), score[b]);
        score[b] = fma(vec4(k0.y, k1.y, k2.y, k3.y), vec4(q.y), score[b]);
        score[b] = fma(vec4(k0.z, k1.z, k2.z, k3.z), vec4(q.z), score[b]);
        score[b] = fma(vec4(k0.w, k1.w, k2.w, k3.w), vec4(q.w), score[b]);
        change[b] = fma(vec4(v0.x, v1.x, v2.x, v3.x), vec4(g.x), change[b]);
        change[b] = fma(vec4(v0.y, v1.y, v2.y, v3.y), vec4(g.y), change[b]);
        change[b] = fma(vec4(v0.z, v1.z, v2.z, v3.z), vec4(g.z), change[b]);
        change[b] = fma(vec4(v0.w, v1.w, v2.w, v3.w), vec4(g.w), change[b]);
      }
    }

    workgroupBarrier(); // the block before is read
    //: unroll
    for (var b = 0u; b < 4u; b++) {
      let slot = block + slotGroup * 4u + b;
      let other = min(slot, lastSlot) / group;
      let scoreAt = (kvHead * group + min(slot, lastSlot) % group) * params.rows + other;
      score[b] *= factor;
      var slope = vec4(1.0);
      if (CAPPED) {
        let share = vec4(
          bounded(score[b].x),
          bounded(score[b].y),
          bounded(score[b].z),
          bounded(score[b].w),
        );
        score[b] = params.softCap * LOG2_E * share;
        slope = 1.0 - share * share;
      }
      let seen = vec4(
        other >= row[0] && end[0] > other,
        other >= row[1] && end[1] > other,
        other >= row[2] && end[2] > other,
        other >= row[3] && end[3] > other,
      ) & vec4(slot <= lastSlot);
      let p = select(vec4(0.0), exp2(score[b] - logSumExp[scoreAt] * LOG2_E), seen);
      shares[(slotGroup * 4u + b) * GROUPS + keyGroup] = p;
      dScores[(slotGroup * 4u + b) * GROUPS + keyGroup] = p * (change[b] - centers[scoreAt]) * slope;
    }
    workgroupBarrier();

    for (var b = 0u; b < min(BLOCK, lastSlot + 1u - block); b++) {
      let slot = block + b;
      let head = kvHead * group + slot % group;
      let query = slot / group * width + head * HEAD_VECS;
      let gradient = (slot / group * params.heads + head) * HEAD_VECS;
      //: split
      var q: array<vec4<f32>, COLUMNS>;
      //: split
      var dy: array<vec4<f32>, COLUMNS>;
      //: unroll
      for (var c = 0u; c < COLUMNS; c++) {
        q[c] = qkv[query + min(local.x + c * LANES, HEAD_VECS - 1u)];
        dy[c] = dY[gradient + min(local.x + c * LANES, HEAD_VECS - 1u)];
      }
      //: unroll
      for (var g = 0u; g < GROUPS; g++) {
        let p = shares[b * GROUPS + g];
        let dS = dScores[b * GROUPS + g];
        //: unroll
        for (var c = 0u; c < COLUMNS; c++) {
          dValue[(g * 4 + 0) * COLUMNS + c] = fma(vec4(p.x), dy[c], dValue[(g * 4 + 0) * COLUMNS + c]);
          dValue[(g * 4 + 1) * COLUMNS + c] = fma(vec4(p.y), dy[c], dValue[(g * 4 + 1) * COLUMNS + c]);
          dValue[(g * 4 + 2) * COLUMNS + c] = fma(vec4(p.z), dy[c], dValue[(g * 4 + 2) * COLUMNS + c]);
          dValue[(g * 4 + 3) * COLUMNS + c] = fma(vec4(p.w), dy[c], dValue[(g * 4 + 3) * COLUMNS + c]);
          dKey[(g * 4 + 0) * COLUMNS + c] = fma(vec4(dS.x), q[c], dKey[(g * 4 + 0) * COLUMNS + c]);
          dKey[(g * 4 + 1) * COLUMNS + c] = fma(vec4(dS.y), q[c], dKey[(g * 4 + 1) * COLUMNS + c]);
          dKey[(g * 4 + 2) * COLUMNS + c] = fma(vec4(dS.z), q[c], dKey[(g * 4 + 2) * COLUMNS + c]);
          dKey[(g * 4 + 3) * COLUMNS + c] = fma(vec4(dS.w), q[c], dKey[(g * 4 + 3) * COLUMNS + c]);
        }
      }
    }
  }

  for (var i = 0u; i < lastRow + 1u - firstRow; i++) {
    let to = (firstRow + i) * width + keyAt;
    //: unroll
    for (var c = 0u; c < COLUMNS; c++) {
      var k = dKey[c];
      var v = dValue[c];
      //: unroll
      for (var n = 1u; n < TILE; n++) {
        k = select(k, dKey[n * COLUMNS + c], n == i);
        v = select(v, dValue[n * COLUMNS + c], n == i);
      }
      let column = local.x + c * LANES;
      if (column < HEAD_VECS) {
        dQkv[to + column] = k * params.scale;
        dQkv[to + valueOffset + column] = v;
      }
    }
  }
}
