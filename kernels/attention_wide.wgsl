// attention_wide — attention.wgsl for heads too wide for the registers of one thread.
//
//   qkv        [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  in   query heads, key heads, value heads
//   starts     [rows]                                u32       in   row where the row's sequence starts
//   y          [rows, heads, HEAD_VECS]              vec4 f32  out
//   logSumExp  [heads, rows]                         f32       out  of the scores S; for the backward
//
// A workgroup holds a tile of TILE slots, each a (row, head of the group of heads / kvHeads), and walks
// the keys BLOCK at a time. The threads share out a block's scores, four slots by four keys each, over
// the whole head; then the columns of the head, each thread those of all slots: column lane + c · LANES.
// In between the softmax shares go through workgroup memory, a vec4 for a key and four slots.
//
// Grid: one workgroup a tile, the tiles of one key head next to each other, folded.
// Sums in f32; the softmax is rescaled as its maximum grows (Milakov and Gimelshein, arXiv 1805.02867).
// Reference: attentionReference in src/ops/attention.ts. Expanded by src/gpu/expand.ts.

const HEAD_VECS = 32u; // headDim / 4
const LANES = 8u; // threads
const COLUMNS = 4u; // columns a thread, HEAD_VECS / LANES rounded up
const TILE = 16u; // slots
const GROUPS = 4u; // TILE / 4
const BLOCK = 8u; // keys, 4 · LANES / GROUPS

const LOG2_E = 1.4426950408889634;

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

var<workgroup> tops: array<vec4<f32>, LANES>; // of a thread's keys; in the end its sums
var<workgroup> keeps: array<vec4<f32>, GROUPS>;
var<workgroup> shares: array<vec4<f32>, BLOCK * GROUPS>;

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
  let tiles = (slots + TILE - 1u) / TILE;
  let id = wg.x + wg.y * grid.x;
  if (id >= tiles * params.kvHeads) { return; } // uniform: the whole workgroup leaves
  let kvHead = id / tiles;
  let firstSlot = (id % tiles) * TILE;
  let firstRow = firstSlot / group;
  let lastRow = (min(firstSlot + TILE, slots) - 1u) / group;
  let width = (params.heads + 2u * params.kvHeads) * HEAD_VECS;
  let keyAt = (params.heads + kvHead) * HEAD_VECS;
  let valueAt = keyAt + params.kvHeads * HEAD_VECS;
  let vecs = params.headDim / 4u; // no constant: a driver would unroll the loops over it
  let factor = select(params.scale * LOG2_E, params.scale / params.softCap, CAPPED);

  let slotGroup = local.x % GROUPS;
  let keyGroup = local.x / GROUPS;
  //: split
  var row: array<u32, 4>;
  //: split
  var start: array<u32, 4>;
  //: split
  var queryAt: array<u32, 4>;
  //: unroll
  for (var n = 0u; n < 4u; n++) {
    let slot = min(firstSlot + slotGroup * 4u + n, slots - 1u);
    row[n] = slot / group;
    start[n] = max(starts[row[n]], row[n] - min(row[n], params.window - 1u));
    queryAt[n] = row[n] * width + (kvHead * group + slot % group) * HEAD_VECS;
  }
  var top = vec4(-1e30);
  var sum = vec4(0.0);

  //: split
  var mean: array<vec4<f32>, TILE * COLUMNS>;

  let first = max(starts[firstRow], firstRow - min(firstRow, params.window - 1u));
  for (var block = first; block <= lastRow; block += BLOCK) {
    let key = block + keyGroup * 4u;
    // Of one key each: a slot a component.
    //: split
    var score: array<vec4<f32>, 4>;
    //: split
    var at: array<u32, 4>;
    //: unroll
    for (var b = 0u; b < 4u; b++) {
      score[b] = vec4(0.0);
      at[b] = min(key + b, lastRow) * width + keyAt;
    }
    for (var d = 0u; d < vecs; d++) {
      let q0 = qkv[queryAt[0] + d];
      let q1 = qkv[queryAt[1] + d];
      let q2 = qkv[queryAt[2] + d];
      let q3 = qkv[queryAt[3] + d];
      //: unroll
      for (var b = 0u; b < 4u; b++) {
        let k = qkv[at[b] + d];
        score[b] = fma(vec4(q0.x, q1.x, q2.x, q3.x), vec4(k.x), score[b]);
        score[b] = fma(vec4(q0.y, q1.y, q2.y, q3.y), vec4(k.y), score[b]);
        score[b] = fma(vec4(q0.z, q1.z, q2.z, q3.z), vec4(k.z), score[b]);
        score[b] = fma(vec4(q0.w, q1.w, q2.w, q3.w), vec4(k.w), score[b]);
      }
    }

    var highest = vec4(-1e38);
    //: unroll
    for (var b = 0u; b < 4u; b++) {
      score[b] *= factor;
      if (CAPPED) {
        score[b].x = params.softCap * LOG2_E * bounded(score[b].x);
        score[b].y = params.softCap * LOG2_E * bounded(score[b].y);
        score[b].z = params.softCap * LOG2_E * bounded(score[b].z);
        score[b].w = params.softCap * LOG2_E * bounded(score[b].w);
      }
      let seen = vec4(
        key + b >= start[0] && key + b <= row[0],
        key + b >= start[1] && key + b <= row[1],
        key + b >= start[2] && key + b <= row[2],
        key + b >= start[3] && key + b <= row[3],
      );
      score[b] = select(vec4(-1e38), score[b], seen);
      highest = max(highest, score[b]);
    }
    tops[local.x] = highest;
    workgroupBarrier();

    let before = top;
    //: unroll
    for (var g = 0u; g < LANES / GROUPS; g++) {
      top = max(top, tops[g * GROUPS + slotGroup]);
    }
    let keep = exp2(before - top);
    sum *= keep;
    //: unroll
    for (var b = 0u; b < 4u; b++) {
      let p = exp2(score[b] - top);
      sum += p;
      shares[(keyGroup * 4u + b) * GROUPS + slotGroup] = p;
    }
    if (keyGroup == 0u) { keeps[slotGroup] = keep; }
    workgroupBarrier();

    //: unroll
    for (var g = 0u; g < GROUPS; g++) {
      let k = keeps[g];
      //: unroll
      for (var c = 0u; c < COLUMNS; c++) {
        mean[(g * 4 + 0) * COLUMNS + c] *= k.x;
        mean[(g * 4 + 1) * COLUMNS + c] *= k.y;
        mean[(g * 4 + 2) * COLUMNS + c] *= k.z;
        mean[(g * 4 + 3) * COLUMNS + c] *= k.w;
      }
    }
    for (var b = 0u; b < min(BLOCK, lastRow + 1u - block); b++) {
      let origin = (block + b) * width + valueAt;
      //: split
      var value: array<vec4<f32>, COLUMNS>;
      //: unroll
      for (var c = 0u; c < COLUMNS; c++) {
        value[c] = qkv[origin + min(local.x + c * LANES, HEAD_VECS - 1u)];
      }
      //: unroll
      for (var g = 0u; g < GROUPS; g++) {
        let p = shares[b * GROUPS + g];
        //: unroll
        for (var c = 0u; c < COLUMNS; c++) {
          mean[(g * 4 + 0) * COLUMNS + c] = fma(vec4(p.x), value[c], mean[(g * 4 + 0) * COLUMNS + c]);
          mean[(g * 4 + 1) * COLUMNS + c] = fma(vec4(p.y), value[c], mean[(g * 4 + 1) * COLUMNS + c]);
          mean[(g * 4 + 2) * COLUMNS + c] = fma(vec4(p.z), value[c], mean[(g * 4 + 2) * COLUMNS + c]);
          mean[(g * 4 + 3) * COLUMNS + c] = fma(vec4(p.w), value[c], mean[(g * 4 + 3) * COLUMNS + c]);
        }
      }
    }
  }

  tops[local.x] = sum;
  workgroupBarrier();
  var total = vec4(0.0);
  //: unroll
  for (var g = 0u; g < LANES / GROUPS; g++) {
    total += tops[g * GROUPS + slotGroup];
  }
  if (keyGroup == 0u) {
    keeps[slotGroup] = 1.0 / total;
    let scores = (top + log2(total)) / LOG2_E;
    for (var n = 0u; n < 4u; n++) {
      let slot = firstSlot + slotGroup * 4u + n;
      if (slot < slots) {
        logSumExp[(kvHead * group + slot % group) * params.rows + slot / group] = scores[n];
      }
    }
  }
  workgroupBarrier();

  for (var i = 0u; i < min(TILE, slots - firstSlot); i++) {
    let slot = firstSlot + i;
    let to = (slot / group * params.heads + kvHead * group + slot % group) * HEAD_VECS;
    let share = keeps[i / 4u][i % 4u];
    //: unroll
    for (var c = 0u; c < COLUMNS; c++) {
      var own = mean[c];
      //: unroll
      for (var n = 1u; n < TILE; n++) {
        own = select(own, mean[n * COLUMNS + c], n == i);
      }
      let column = local.x + c * LANES;
      if (column < HEAD_VECS) { y[to + column] = own * share; }
    }
  }
}
