// matmul_shared — C = scale · A·B, or C += scale · A·B, for any layout, size and alignment, by tiles in
// workgroup memory: for GPUs whose subgroups cannot be relied on, and numbers that do not come in fours.
//
//   a  [aSize]  f32  in     A(row, k) at aOffset + row · aRow + k · aStep
//   b  [bSize]  f32  in     B(k, col) at bOffset + col · bCol + k · bStep; or packed
//   c  [cSize]  f32  inout  C(row, col) at cOffset + row · cStride + col
//
// A workgroup of ROW_THREADS × COL_THREADS threads makes (ROWS · ROW_THREADS) × (COLS · COL_THREADS)
// elements of C: each thread keeps ROWS × COLS of them in registers, in blocks of 4 × 4. For DEPTH values
// of k at a time the threads bring the parts of A and B that the workgroup needs into its memory, four
// rows or columns of one k as one vector; the parts of the next DEPTH are under way meanwhile. One vector
// more than a line holds keeps threads that store lines at once out of each other's banks.
//
// Threads next to each other load along the axis that the operand stores contiguously. Rows and columns
// past an edge are clamped to the last outside the loop and not stored; past the last k zeros are summed.
//
// Grid: one workgroup a tile, tiles of one column of tiles next to each other, folded.
// Sums in f32, in the order of k. Reference: matmulReference in src/ops/matmul.ts.
// Expanded by src/gpu/expand.ts: A_LOADS is ROWS · DEPTH / (4 · COL_THREADS), B_LOADS is
// COLS · DEPTH / (4 · ROW_THREADS), vectors that a thread brings. The part between the marks gives way to
// that of a packed format: src/ops/packed_words.ts.

const ROWS = 4u;
const COLS = 4u;
const ROW_THREADS = 16u;
const COL_THREADS = 16u;
const DEPTH = 16u;
const A_LOADS = 1u;
const B_LOADS = 1u;

const HEIGHT = ROWS * ROW_THREADS;
const WIDTH = COLS * COL_THREADS;
// Vectors from one k to the next.
const A_LINE = HEIGHT / 4u + 1u;
const B_LINE = WIDTH / 4u + 1u;

struct Params {
  rows: u32, cols: u32, depth: u32,
  aSize: u32, aOffset: u32, aRow: u32, aStep: u32,
  bSize: u32, bOffset: u32, bCol: u32, bStep: u32,
  cSize: u32, cOffset: u32, cStride: u32,
  scale: f32, accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;

//: words
@group(0) @binding(2) var<storage, read> b: array<f32>;
fn elementOfB(at: u32) -> f32 { return b[at]; }
//: end

@group(0) @binding(3) var<storage, read_write> c: array<f32>;

var<workgroup> tileOfA: array<vec4<f32>, DEPTH * A_LINE>;
var<workgroup> tileOfB: array<vec4<f32>, DEPTH * B_LINE>;

fn fourOfA(at: vec4<u32>, k: u32) -> vec4<f32> {
  if (k >= params.depth) { return vec4(0.0); }
  return vec4(a[at.x], a[at.y], a[at.z], a[at.w]);
}

fn fourOfB(at: vec4<u32>, k: u32) -> vec4<f32> {
  if (k >= params.depth) { return vec4(0.0); }
  return vec4(elementOfB(at.x), elementOfB(at.y), elementOfB(at.z), elementOfB(at.w));
}

// Of a tile of `fours` vectors a k, which k and vector `slot` is: k runs first where it is contiguous.
fn placeOf(slot: u32, fours: u32, alongDepth: bool) -> vec2<u32> {
  return select(
    vec2(slot / fours, slot % fours),
    vec2(slot % DEPTH, slot / DEPTH),
    alongDepth,
  );
}

@compute @workgroup_size(ROW_THREADS * COL_THREADS)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let tile = wg.x + wg.y * grid.x;
  let tileRows = (params.rows + HEIGHT - 1u) / HEIGHT;
  let firstRow = (tile % tileRows) * HEIGHT;
  let firstCol = (tile / tileRows) * WIDTH;
  if (firstCol >= params.cols) { return; } // uniform: the whole workgroup leaves

  // The vectors that this thread brings: from where in A or B, of which k, to where in the tile.
  //: split
  var aFrom: array<vec4<u32>, A_LOADS>;
  //: split
  var aK: array<u32, A_LOADS>;
  //: split
  var aTo: array<u32, A_LOADS>;
  //: split
  var aNext: array<vec4<f32>, A_LOADS>;
  //: unroll
  for (var i = 0u; i < A_LOADS; i++) {
    let place = placeOf(thread + i * ROW_THREADS * COL_THREADS, HEIGHT / 4u, params.aStep == 1u);
    let rows = min(firstRow + 4u * place.y + vec4(0u, 1u, 2u, 3u), vec4(params.rows - 1u));
    aFrom[i] = params.aOffset + rows * params.aRow + place.x * params.aStep;
    aK[i] = place.x;
    aTo[i] = place.x * A_LINE + place.y;
    aNext[i] = fourOfA(aFrom[i], aK[i]);
  }
  //: split
  var bFrom: array<vec4<u32>, B_LOADS>;
  //: split
  var bK: array<u32, B_LOADS>;
  //: split
  var bTo: array<u32, B_LOADS>;
  //: split
  var bNext: array<vec4<f32>, B_LOADS>;
  //: unroll
  for (var i = 0u; i < B_LOADS; i++) {
    let place = placeOf(thread + i * ROW_THREADS * COL_THREADS, WIDTH / 4u, params.bStep == 1u);
    let cols = min(firstCol + 4u * place.y + vec4(0u, 1u, 2u, 3u), vec4(params.cols - 1u));
    bFrom[i] = params.bOffset + cols * params.bCol + place.x * params.bStep;
    bK[i] = place.x;
    bTo[i] = place.x * B_LINE + place.y;
    bNext[i] = fourOfB(bFrom[i], bK[i]);
  }

  // Block (i, j) of this thread: rows from 4 · (mine.x + i · ROW_THREADS), columns likewise.
  let mine = vec2(thread / COL_THREADS, thread % COL_THREADS);
  //: split
  var sum: array<vec4<f32>, ROWS * COLS / 4u>;
  for (var first = 0u; first < params.depth; first += DEPTH) {
    workgroupBarrier(); // the tiles have been read
    //: unroll
    for (var i = 0u; i < A_LOADS; i++) {
      tileOfA[aTo[i]] = aNext[i];
      aFrom[i] += vec4(DEPTH * params.aStep);
      aK[i] += DEPTH;
    }
    //: unroll
    for (var i = 0u; i < B_LOADS; i++) {
      tileOfB[bTo[i]] = bNext[i];
      bFrom[i] += vec4(DEPTH * params.bStep);
      bK[i] += DEPTH;
    }
    workgroupBarrier();
    //: unroll
    for (var i = 0u; i < A_LOADS; i++) {
      aNext[i] = fourOfA(aFrom[i], aK[i]);
    }
    //: unroll
    for (var i = 0u; i < B_LOADS; i++) {
      bNext[i] = fourOfB(bFrom[i], bK[i]);
    }
    for (var four = 0u; four < DEPTH; four += 4u) {
      //: unroll
      for (var k = 0u; k < 4u; k++) {
        //: split
        var y: array<vec4<f32>, COLS / 4u>;
        //: unroll
        for (var j = 0u; j < COLS / 4u; j++) {
          y[j] = tileOfB[(four + k) * B_LINE + mine.y + j * COL_THREADS];
        }
        //: unroll
        for (var i = 0u; i < ROWS / 4u; i++) {
          let x = tileOfA[(four + k) * A_LINE + mine.x + i * ROW_THREADS];
          //: unroll
          for (var j = 0u; j < COLS / 4u; j++) {
            sum[i * COLS + j] += x.x * y[j];
            sum[i * COLS + COLS / 4u + j] += x.y * y[j];
            sum[i * COLS + COLS / 4u * 2u + j] += x.z * y[j];
            sum[i * COLS + COLS / 4u * 3u + j] += x.w * y[j];
          }
        }
      }
    }
  }

  // An indexed copy, so that the store is compiled once and not for each element.
  var tileOfC: array<vec4<f32>, ROWS * COLS / 4u>;
  //: unroll
  for (var i = 0u; i < ROWS * COLS / 4u; i++) {
    tileOfC[i] = params.scale * sum[i];
  }
  for (var i = 0u; i < ROWS * COLS; i++) {
    let row = firstRow + 4u * (mine.x + i / COLS / 4u * ROW_THREADS) + i / COLS % 4u;
    let col = firstCol + 4u * (mine.y + i % COLS / 4u * COL_THREADS) + i % 4u;
    if (row >= params.rows || col >= params.cols) { continue; }
    let at = params.cOffset + row * params.cStride + col;
    let before = select(0.0, c[at], params.accumulate == 1u);
    c[at] = before + tileOfC[i / 4u][i % 4u];
  }
}
