// matmul_nt — C = scale · A·Bᵀ, or C += scale · A·Bᵀ, by subgroups: a linear layer's forward, x·Wᵀ.
//
//   a  [aSize / 4]  vec4<f32>  in     A(row, k) at element aOffset + row · aStride + k
//   b  [bSize / 4]  vec4<f32>  in     B(col, k) at element bOffset + col · bStride + k; or packed
//   c  [cSize / 4]  vec4<f32>  inout  C(row, col) at element cOffset + row · cStride + col, or where
//                                     `transposed` is 1, at cOffset + col · cStride + row
//
// A subgroup makes ROWS × (4 · LANES) elements of C: each lane keeps ROWS × 4 of them in registers.
// For 4 · FOURS values of k at a time it loads a word of B for each of its own four columns, and its
// share of the part of A that all lanes need, which they then pass to each other: no element is loaded
// twice.
//
// Up to three parts of the columns may each have a second product added, as the targets of LoRA have:
//
//   t  [tSize / 4]  vec4<f32>  in  T(row, k) at element tOffset + row · tStride + k
//   u  [uSize / 4]  vec4<f32>  in  U(col, k) at element uOffset + (col - first) · uStride + k
//
// in which parts end at `end`, begin where the one before ends, and have offsets, strides, a depth
// (0: nothing is added) and a scale of their own; a tile lies in one part. What is marked as
// tail is left out where nothing is added.
//
// What is marked as residual adds a tensor of C's shape, where C is not transposed:
//
//   r  [rows · cols / 4]  vec4<f32>  in  R(row, col) at element row · cols + col
//
// Offsets and strides are multiples of 4, and so are cols and depths (transposed: rows for cols); depth
// and those of B are multiples of 4 · FOURS. kernels/matmul.wgsl does the rest.
// Rows and columns past an edge are clamped outside the loop and not stored.
//
// Grid: one workgroup of one subgroup a tile, tiles of one column of tiles next to each other, folded.
// Sums in f32, in the order of k. Reference: matmulReference in src/ops/matmul.ts.
// Expanded by src/gpu/expand.ts: LANES is the adapter's subgroup size, PARTS is ROWS · FOURS / LANES
// or 1. What is marked as words gives way to those of a packed format:
// src/ops/packed_words.ts.

const LANES = 8u;
const ROWS = 16u;
const PARTS = 2u;
const TAIL_PARTS = 2u; // ROWS / LANES or 1

struct Params {
  rows: u32, cols: u32, depth: u32,
  aSize: u32, aOffset: u32, aStride: u32,
  bSize: u32, bOffset: u32, bStride: u32,
  cSize: u32, cOffset: u32, cStride: u32,
  scale: f32, accumulate: u32, transposed: u32,
  //: residual
  rSize: u32,
  //: end
  //: tail
  tSize: u32, tStride: u32, uSize: u32,
  end0: u32, depth0: u32, tOffset0: u32, uOffset0: u32, uStride0: u32, scale0: f32,
  end1: u32, depth1: u32, tOffset1: u32, uOffset1: u32, uStride1: u32, scale1: f32,
  end2: u32, depth2: u32, tOffset2: u32, uOffset2: u32, uStride2: u32, scale2: f32,
  //: end
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;

//: words
const FOURS = 1u; // vec4 in a word
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
alias Word = vec4<f32>;
fn wordOfB(at: u32) -> Word { return b[at]; }
fn fourOf(word: Word, index: u32) -> vec4<f32> { return word; }
//: end

@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;
//: residual
@group(0) @binding(4) var<storage, read> r: array<vec4<f32>>;
//: end
//: tail
@group(0) @binding(5) var<storage, read> t: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> u: array<vec4<f32>>;
//: end

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = wg.x + wg.y * grid.x;
  let tileRows = (params.rows + ROWS - 1u) / ROWS;
  let row = (tile % tileRows) * ROWS;
  let col = (tile / tileRows) * (4u * LANES) + 4u * lane;

  // The part of A is FOURS vec4 of ROWS rows: which of them this lane loads.
  //: split
  var aAt: array<u32, PARTS>;
  //: unroll
  for (var part = 0u; part < PARTS; part++) {
    let slot = (part * LANES + lane) % (ROWS * FOURS);
    let mine = min(row + slot % ROWS, params.rows - 1u);
    aAt[part] = (params.aOffset + mine * params.aStride) / 4u + slot / ROWS;
  }
  //: split
  var bAt: array<u32, 4>;
  //: unroll
  for (var j = 0u; j < 4u; j++) {
    bAt[j] = (params.bOffset + min(col + j, params.cols - 1u) * params.bStride) / (4u * FOURS);
  }

  //: split
  var sum: array<vec4<f32>, ROWS>;
  let depth = params.depth / 4u;
  for (var k = 0u; k < depth; k += FOURS) {
    //: split
    var x: array<vec4<f32>, PARTS>;
    //: unroll
    for (var part = 0u; part < PARTS; part++) {
      x[part] = a[aAt[part] + k];
    }
    let w0 = wordOfB(bAt[0] + k / FOURS);
    let w1 = wordOfB(bAt[1] + k / FOURS);
    let w2 = wordOfB(bAt[2] + k / FOURS);
    let w3 = wordOfB(bAt[3] + k / FOURS);
    //: unroll
    for (var four = 0u; four < FOURS; four++) {
      let y0 = fourOf(w0, four);
      let y1 = fourOf(w1, four);
      let y2 = fourOf(w2, four);
      let y3 = fourOf(w3, four);
      //: unroll
      for (var i = 0u; i < ROWS; i++) {
        // Slot i + four · ROWS of the lanes' shares.
        let z = subgroupBroadcast(x[(i + four * ROWS) / LANES], (i + four * ROWS) % LANES);
        sum[i] += z.x * vec4(y0.x, y1.x, y2.x, y3.x);
        sum[i] += z.y * vec4(y0.y, y1.y, y2.y, y3.y);
        sum[i] += z.z * vec4(y0.z, y1.z, y2.z, y3.z);
        sum[i] += z.w * vec4(y0.w, y1.w, y2.w, y3.w);
      }
    }
  }

  //: tail
  // The part of the columns that this tile lies in, and its product.
  let start = col - 4u * lane;
  let part = u32(start >= params.end0) + u32(start >= params.end1);
  let first = vec3(0u, params.end0, params.end1)[part];
  let tailDepth = vec3(params.depth0, params.depth1, params.depth2)[part];
  let tOffset = vec3(params.tOffset0, params.tOffset1, params.tOffset2)[part];
  let uOffset = vec3(params.uOffset0, params.uOffset1, params.uOffset2)[part];
  let uStride = vec3(params.uStride0, params.uStride1, params.uStride2)[part];
  let tailScale = vec3(params.scale0, params.scale1, params.scale2)[part];
  //: split
  var tAt: array<u32, TAIL_PARTS>;
  //: unroll
  for (var i = 0u; i < TAIL_PARTS; i++) {
    let mine = min(row + (i * LANES + lane) % ROWS, params.rows - 1u);
    tAt[i] = (tOffset + mine * params.tStride) / 4u;
  }
  //: split
  var uAt: array<u32, 4>;
  //: unroll
  for (var j = 0u; j < 4u; j++) {
    uAt[j] = (uOffset + (min(col + j, params.cols - 1u) - first) * uStride) / 4u;
  }
  for (var k = 0u; k < tailDepth / 4u; k++) {
    //: split
    var x: array<vec4<f32>, TAIL_PARTS>;
    //: unroll
    for (var i = 0u; i < TAIL_PARTS; i++) {
      x[i] = tailScale * t[tAt[i] + k];
    }
    let y0 = u[uAt[0] + k];
    let y1 = u[uAt[1] + k];
    let y2 = u[uAt[2] + k];
    let y3 = u[uAt[3] + k];
    //: unroll
    for (var i = 0u; i < ROWS; i++) {
      let z = subgroupBroadcast(x[i / LANES], i % LANES);
      sum[i] += z.x * vec4(y0.x, y1.x, y2.x, y3.x);
      sum[i] += z.y * vec4(y0.y, y1.y, y2.y, y3.y);
      sum[i] += z.z * vec4(y0.z, y1.z, y2.z, y3.z);
      sum[i] += z.w * vec4(y0.w, y1.w, y2.w, y3.w);
    }
  }
  //: end

  if (col >= params.cols) { return; }
  // An indexed copy, so that the store is compiled once and not ROWS times.
  var tileOfC: array<vec4<f32>, ROWS>;
  if (params.transposed == 1u) {
    //: unroll
    for (var i = 0u; i < ROWS / 4u * 4u; i += 4u) {
      //: unroll
      for (var j = 0u; j < 4u; j++) {
        tileOfC[i + j] = params.scale * vec4(sum[i][j], sum[i + 1u][j], sum[i + 2u][j], sum[i + 3u][j]);
      }
    }
  } else {
    //: unroll
    for (var i = 0u; i < ROWS; i++) {
      tileOfC[i] = params.scale * sum[i];
    }
  }
  let height = min(ROWS, params.rows - row);
  for (var i = 0u; i < height; i++) {
    //: residual
    tileOfC[i] += r[((row + i) * params.cols + col) / 4u];
    //: end
    var at = (params.cOffset + (row + i) * params.cStride + col) / 4u;
    if (params.transposed == 1u) {
      let across = col + i % 4u;
      if (across >= params.cols) { continue; }
      at = (params.cOffset + across * params.cStride + row + i) / 4u;
    }
    if (params.accumulate == 1u) {
      c[at] += tileOfC[i];
    } else {
      c[at] = tileOfC[i];
    }
  }
}
