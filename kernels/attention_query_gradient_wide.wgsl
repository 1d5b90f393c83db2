// attention_query_gradient_wide — attention_query_gradient.wgsl for heads too wide for one thread.
//
//   qkv        [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  in     query, key and value heads
//   starts     [rows]                                u32       in     row where the row's sequence starts
//   y          [rows, heads, HEAD_VECS]              vec4 f32  in     what attention gave
//   logSumExp  [heads, rows]                         f32       in     and this too
//   dY         [rows, heads, HEAD_VECS]              vec4 f32  in
//   centers    [heads, rows]                         f32       out    for attention_key_gradient_wide.wgsl
//   dQkv       [rows, heads + 2 kvHeads, HEAD_VECS]  vec4 f32  inout  its query heads are written
//
// Tiles, slots, blocks and how the threads share them out are those of attention_wide.wgsl.
//
// Grid: one workgroup a tile, the tiles of one key head next to each other, folded.
// Sums in f32. Dao et al., arXiv 2205.14135, equation 4 of appendix B.2.
// Reference: attentionBackwardReference in src/ops/attention_backward.ts. Expanded by src/gpu/expand.ts.

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
@group(0) @binding(3) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> logSumExp: array<f32>;
@group(0) @binding(5) var<storage, read> dY: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> centers: array<f32>;
@group(0) @binding(7) var<storage, read_write> dQkv: array<vec4<f32>>;

var<workgroup> dScores: array<vec4<f32>, BLOCK * GROUPS>; // of a key and four slots each

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
  let valueOffset = params.kvHeads * HEAD_VECS;
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
  //: split
  var gradientAt: array<u32, 4>;
  var offset = vec4(0.0);
  var center = vec4(0.0);
  //: unroll
  for (var n = 0u; n < 4u; n++) {
    let slot = min(firstSlot + slotGroup * 4u + n, slots - 1u);
    row[n] = slot / group;
    start[n] = max(starts[row[n]], row[n] - min(row[n], params.window - 1u));
    queryAt[n] = row[n] * width + (kvHead * group + slot % group) * HEAD_VECS;
    gradientAt[n] = (row[n] * params.heads + kvHead * group + slot % group) * HEAD_VECS;
    offset[n] = logSumExp[(kvHead * group + slot % group) * params.rows + row[n]] * LOG2_E;
  }
  for (var d = 0u; d < vecs; d++) {
    center += vec4(
      dot(dY[gradientAt[0] + d], y[gradientAt[0] + d]),
      dot(dY[gradientAt[1] + d], y[gradientAt[1] + d]),
      dot(dY[gradientAt[2] + d], y[gradientAt[2] + d]),
      dot(dY[gradientAt[3] + d], y[gradientAt[3] + d]),
    );
  }
  if (keyGroup == 0u) {
    for (var n = 0u; n < 4u; n++) {
      let slot = min(firstSlot + slotGroup * 4u + n, slots - 1u); // past the end: the last one's again
      centers[(kvHead * group + slot % group) * params.rows + slot / group] = center[n];
    }
  }

  //: split
  var sum: array<vec4<f32>, TILE * COLUMNS>;

  let first = max(starts[firstRow], firstRow - min(firstRow, params.window - 1u));
  for (var block = first; block <= lastRow; block += BLOCK) {
    let key = block + keyGroup * 4u;
    // Of one key each: a slot a component.
    //: split
    var score: array<vec4<f32>, 4>;
    //: split
    var change: array<vec4<f32>, 4>;
    //: split
    var at: array<u32, 4>;
    //: unroll
    for (var b = 0u; b < 4u; b++) {
      score[b] = vec4(0.0);
      change[b] = vec4(0.0);
      at[b] = min(key + b, lastRow) * width + keyAt;
    }
    for (var d = 0u; d < vecs; d++) {
      let q0 = qkv[queryAt[0] + d];
      let q1 = qkv[queryAt[1] + d];
      let q2 = qkv[queryAt[2] + d];
      let q3 = qkv[queryAt[3] + d];
      let g0 = dY[gradientAt[0] + d];
      let g1 = dY[gradientAt[1] + d];
      let g2 = dY[gradientAt[2] + d];
      let g3 = dY[gradientAt[3] + d];
      //: unroll
      for (var b = 0u; b < 4u; b++) {
        let k = qkv[at[b] + d];
        let v = qkv[at[b] + valueOffset + d];
        score[b] = fma(vec4(q0.x, q1.x, q2.x, q3.x), vec4(k.x), score[b]);
        score[b] = fma(vec4(q0.y, q1.y, q2.y, q3.y), vec4(k.y), score[b]);
        score[b] = fma(vec4(q0.z, q1.z, q2.z, q3.z), vec4(k.z), score[b]);
        score[b] = fma(vec4(q0.w, q1.w, q2.w, q3.w), vec4(k.w), score[b]);
        change[b] = fma(vec4(g0.x, g1.x, g2.x, g3.x), vec4(v.x), change[b]);
        change[b] = fma(vec4(g0.y, g1.y, g2.y, g3.y), vec4(v.y), change[b]);
        change[b] = fma(vec4(g0.z, g1.z, g2.z, g3.z), vec4(v.z), change[b]);
        change[b] = fma(vec4(g0.w, g1.w, g2.w, g3.w), vec4(v.w), change[b]);
      }
    }

    workgroupBarrier(); // the block before is read
    //: unroll
    for (var b = 0u; b < 4u; b++) {
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
        key + b >= start[0] && key + b <= row[0],
        key + b >= start[1] && key + b <= row[1],
        key + b >= start[2] && key + b <= row[2],
        key + b >= start[3] && key + b <= row[3],
      );
      let p = select(vec4(0.0), exp2(score[b] - offset), seen);
      dScores[(keyGroup * 4u + b) * GROUPS + slotGroup] = p * (change[b] - center) * slope;
    }
    workgroupBarrier();

    for (var b = 0u; b < min(BLOCK, lastRow + 1u - block); b++) {
      let origin = (block + b) * width + keyAt;
      //: split
      var column: array<vec4<f32>, COLUMNS>;
      //: unroll
      for (var c = 0u; c < COLUMNS; c++) {
        column[c] = qkv[origin + min(local.x + c * LANES, HEAD_VECS - 1u)];
      }
      //: unroll
      for (var g = 0u; g < GROUPS; g++) {
        let dS = dScores[b * GROUPS + g];
        //: unroll
        for (var c = 0u; c < COLUMNS; c++) {
          sum[(g * 4 + 0) * COLUMNS + c] = fma(vec4(dS.x), column[c], sum[(g * 4 + 0) * COLUMNS + c]);
          sum[(g * 4 + 1) * COLUMNS + c] = fma(vec4(dS.y), column[c], sum[(g * 4 + 1) * COLUMNS + c]);
          sum[(g * 4 + 2) * COLUMNS + c] = fma(vec4(dS.z), column[c], sum[(g * 4 + 2) * COLUMNS + c]);
          sum[(g * 4 + 3) * COLUMNS + c] = fma(vec4(dS.w), column[c], sum[(g * 4 + 3) * COLUMNS + c]);
        }
      }
    }
  }

  for (var i = 0u; i < min(TILE, slots - firstSlot); i++) {
    let slot = firstSlot + i;
    let to = slot / group * width + (kvHead * group + slot % group) * HEAD_VECS;
    //: unroll
    for (var c = 0u; c < COLUMNS; c++) {
      var own = sum[c];
      //: unroll
      for (var n = 1u; n < TILE; n++) {
        own = select(own, sum[n * COLUMNS + c], n == i);
      }
      let place = local.x + c * LANES;
      if (place < HEAD_VECS) { dQkv[to + place] = own * params.scale; }
    }
  }
}
