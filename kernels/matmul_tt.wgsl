// matmul_tt — C = scale · Aᵀ·Bᵀ, or C += scale · Aᵀ·Bᵀ, by subgroups: transposed, dY·B of few columns.
//
//   a  [aSize / 4]  vec4<f32>  in     A(k, row) at element aOffset + k · aStride + row
//   b  [bSize / 4]  vec4<f32>  in     B(col, k) at element bOffset + col · bStride + k
//   c  [cSize / 4]  vec4<f32>  inout  C(row, col) at element cOffset + row · cStride + col, or where
//                                     `transposed` is 1, at cOffset + col · cStride + row
//
// A subgroup makes ROWS × (4 · LANES) elements of C: each lane keeps ROWS × 4 of them in registers.
// For four values of k at a time it loads a vec4 of B for each of its own four columns, and its share
// of the part of A that all lanes need, which they then pass to each other: no element is loaded
// twice.
//
// Offsets, strides and depth are multiples of 4, and so is cols (transposed: rows).
// kernels/matmul.wgsl does the rest.
// Rows and columns past an edge are clamped outside the loop and not stored.
//
// What is marked as grouped makes up to three products of windows of the same buffers, each with sizes,
// offsets, strides and a scale of its own; the tiles of one begin behind those of the one before.
//
// Grid: one workgroup of one subgroup a tile, tiles of one column of tiles next to each other, folded.
// Sums in f32, in the order of k. Reference: matmulReference in src/ops/matmul.ts.
// Expanded by src/gpu/expand.ts: LANES is the adapter's subgroup size, PARTS is ROWS / LANES or 1.

const LANES = 8u;
const ROWS = 16u; // a multiple of 4
const PARTS = 2u;

struct Params {
  rows: u32, cols: u32, depth: u32,
  aSize: u32, aOffset: u32, aStride: u32,
  bSize: u32, bOffset: u32, bStride: u32,
  cSize: u32, cOffset: u32, cStride: u32,
  scale: f32, accumulate: u32, transposed: u32,
  //: grouped
  tiles: u32,
  rows1: u32, cols1: u32, depth1: u32, aOffset1: u32, aStride1: u32, bOffset1: u32, bStride1: u32,
  cOffset1: u32, cStride1: u32, scale1: f32, firstTile1: u32,
  rows2: u32, cols2: u32, depth2: u32, aOffset2: u32, aStride2: u32, bOffset2: u32, bStride2: u32,
  cOffset2: u32, cStride2: u32, scale2: f32, firstTile2: u32,
  //: end
}

struct Product {
  rows: u32, cols: u32, depth: u32,
  aOffset: u32, aStride: u32, bOffset: u32, bStride: u32, cOffset: u32, cStride: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  var tile = wg.x + wg.y * grid.x;
  var own = Product(
    params.rows, params.cols, params.depth, params.aOffset, params.aStride, params.bOffset, params.bStride,
    params.cOffset, params.cStride, params.scale,
  );
  //: grouped
  if (tile >= params.firstTile2) {
    tile -= params.firstTile2;
    own = Product(
      params.rows2, params.cols2, params.depth2, params.aOffset2, params.aStride2, params.bOffset2,
      params.bStride2, params.cOffset2, params.cStride2, params.scale2,
    );
  } else if (tile >= params.firstTile1) {
    tile -= params.firstTile1;
    own = Product(
      params.rows1, params.cols1, params.depth1, params.aOffset1, params.aStride1, params.bOffset1,
      params.bStride1, params.cOffset1, params.cStride1, params.scale1,
    );
  }
  //: end
  let tileRows = (own.rows + ROWS - 1u) / ROWS;
  let row = (tile % tileRows) * ROWS;
  let col = (tile / tileRows) * (4u * LANES) + 4u * lane;

  // The part of A is 4 values of k by ROWS / 4 vec4: which of them this lane loads.
  //: split
  var aStep: array<u32, PARTS>;
  //: split
  var aAt: array<u32, PARTS>;
  //: unroll
  for (var part = 0u; part < PARTS; part++) {
    let slot = (part * LANES + lane) % ROWS;
    let mine = min(row + 4u * (slot % (ROWS / 4u)), own.rows - 1u);
    aStep[part] = slot / (ROWS / 4u);
    aAt[part] = (own.aOffset + mine) / 4u;
  }
  let aStride = own.aStride / 4u;
  //: split
  var bAt: array<u32, 4>;
  //: unroll
  for (var j = 0u; j < 4u; j++) {
    bAt[j] = (own.bOffset + min(col + j, own.cols - 1u) * own.bStride) / 4u;
  }

  //: split
  var sum: array<vec4<f32>, ROWS>;
  for (var k = 0u; k < own.depth; k += 4u) {
    //: split
    var x: array<vec4<f32>, PARTS>;
    //: unroll
    for (var part = 0u; part < PARTS; part++) {
      x[part] = a[aAt[part] + (k + aStep[part]) * aStride];
    }
    let y0 = b[bAt[0] + k / 4u];
    let y1 = b[bAt[1] + k / 4u];
    let y2 = b[bAt[2] + k / 4u];
    let y3 = b[bAt[3] + k / 4u];
    //: unroll
    for (var i = 0u; i < ROWS; i += 4u) {
      // A(k + n, row + i …) is slot (i + n · ROWS) / 4 of the lanes' shares.
      let z0 = subgroupBroadcast(x[i / 4u / LANES], i / 4u % LANES);
      let z1 = subgroupBroadcast(x[(i + ROWS) / 4u / LANES], (i + ROWS) / 4u % LANES);
      let z2 = subgroupBroadcast(x[(i + 2u * ROWS) / 4u / LANES], (i + 2u * ROWS) / 4u % LANES);
      let z3 = subgroupBroadcast(x[(i + 3u * ROWS) / 4u / LANES], (i + 3u * ROWS) / 4u % LANES);
      //: unroll
      for (var j = 0u; j < 4u; j++) {
        sum[i + j] += z0[j] * vec4(y0.x, y1.x, y2.x, y3.x);
        sum[i + j] += z1[j] * vec4(y0.y, y1.y, y2.y, y3.y);
        sum[i + j] += z2[j] * vec4(y0.z, y1.z, y2.z, y3.z);
        sum[i + j] += z3[j] * vec4(y0.w, y1.w, y2.w, y3.w);
      }
    }
  }

  if (col >= own.cols) { return; }
  // An indexed copy, so that the store is compiled once and not ROWS times.
  var tileOfC: array<vec4<f32>, ROWS>;
  if (params.transposed == 1u) {
    //: unroll
    for (var i = 0u; i < ROWS / 4u * 4u; i += 4u) {
      //: unroll
      for (var j = 0u; j < 4u; j++) {
        tileOfC[i + j] = own.scale * vec4(sum[i][j], sum[i + 1u][j], sum[i + 2u][j], sum[i + 3u][j]);
      }
    }
  } else {
    //: unroll
    for (var i = 0u; i < ROWS; i++) {
      tileOfC[i] = own.scale * sum[i];
    }
  }
  let height = min(ROWS, own.rows - row);
  for (var i = 0u; i < height; i++) {
    var at = (own.cOffset + (row + i) * own.cStride + col) / 4u;
    if (params.transposed == 1u) {
      let across = col + i % 4u;
      if (across >= own.cols) { continue; }
      at = (own.cOffset + across * own.cStride + row + i) / 4u;
    }
    if (params.accumulate == 1u) {
      c[at] += tileOfC[i];
    } else {
      c[at] = tileOfC[i];
    }
  }
}
