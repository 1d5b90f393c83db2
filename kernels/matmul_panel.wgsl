// matmul_panel — C = scale · A·Bᵀ or scale · A·B, many rows at a time, by subgroups of a software driver:
// a linear layer's forward, x·Wᵀ, and its input gradient, dY·W.
//
//   a  [aSize / 8]  mat2x4<f32>  in   A(row, k) at element aOffset + row · aStride + k: eight at a time
//   b  [bSize / 8]  mat2x4<f32>  in   B(k, col) at element bOffset + k · bStride + col, or where
//                                     `transposed` is 1, at bOffset + col · bStride + k; or packed
//   c  [cSize / 8]  mat2x4<f32>  inout  C(row, col) at element cOffset + row · cStride + col
//
// A subgroup makes `height` rows of COLS · LANES columns of C. It copies DEPTH values of k of B, the
// panel, into memory of its own, COLS columns a lane, from where a number is an operand of an
// instruction; then it goes over its rows, for each of which it loads DEPTH numbers of A. A load from a
// buffer costs such a driver as much as several products, and here one serves 8 · LANES · COLS of them.
// Behind the first panel the sums go on from what C holds. A dispatch makes the panels of k from `kBegin` to `kEnd`
// only: a deep product needs several, since such a driver limits the turns that a thread may take.
//
// Up to three parts of the columns may each have a second product of at most TAIL values of k added, as
// the targets of LoRA have:
//
//   t  [tSize / 4]  vec4<f32>  in  T(row, k) at element tOffset + row · tStride + k
//   u  [uSize / 4]  vec4<f32>  in  as B, from uOffset on with uStride, columns counted from the part's first
//
// in which parts end at `end`, begin where the one before ends, and have offsets, strides, a depth
// (0: nothing is added) and a scale of their own; a tile lies in one part. What is marked as
// tail is left out where nothing is added. What is marked as residual adds a tensor of C's shape:
//
//   r  [rows · cols / 8]  mat2x4<f32>  in  R(row, col) at element row · cols + col
//
// Offsets, strides and cols of A, B and C are multiples of 8, those of T and U of 4, `depth` of DEPTH.
// Columns past the edge are clamped and not stored.
//
// Grid: one workgroup of one subgroup a tile, tiles of one column of tiles next to each other, folded.
// Sums in f32, in the order of k. Reference: matmulReference in src/ops/matmul.ts.
// Expanded by src/gpu/expand.ts: SHARE divides DEPTH, LANES is the adapter's subgroup size, PARTS is DEPTH / (8 · LANES) and
// TAIL_PARTS TAIL / (4 · LANES), rounded up. What is marked as words gives way to those of a packed
// format: src/ops/packed_words.ts.

const LANES = 8u;
const DEPTH = 64u;
const PARTS = 1u;
const COLS = 8u; // of a lane
const SHARE = 32u; // values of k in an array
const TAIL = 16u;
const TAIL_PARTS = 1u;

struct Params {
  rows: u32, cols: u32, depth: u32, kBegin: u32, kEnd: u32, height: u32,
  aSize: u32, aOffset: u32, aStride: u32,
  bSize: u32, bOffset: u32, bStride: u32, transposed: u32,
  cSize: u32, cOffset: u32, cStride: u32,
  scale: f32,
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
@group(0) @binding(1) var<storage, read> a: array<mat2x4<f32>>;

//: words
const FOURS = 2u; // vec4 in a word
@group(0) @binding(2) var<storage, read> b: array<mat2x4<f32>>;
alias Word = mat2x4<f32>;
fn wordOfB(at: u32) -> Word { return b[at]; }
fn fourOf(word: Word, index: u32) -> vec4<f32> { return word[index]; }
//: end

@group(0) @binding(3) var<storage, read_write> c: array<mat2x4<f32>>;
//: residual
@group(0) @binding(4) var<storage, read> r: array<mat2x4<f32>>;
//: end
//: tail
@group(0) @binding(5) var<storage, read> t: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> u: array<vec4<f32>>;
//: end

// What four numbers of B, that lie next to each other, are.
struct Place {
  k: u32,
  col: u32, // of the lane's own
}

// The numbers `4 * index` to `4 * index + 3` of line `line` of a lane's part of B: a line is a column where
// B is transposed, or else a row.
fn placeOf(line: u32, index: u32) -> Place {
  if (params.transposed == 1u) { return Place(4u * index, line); }
  return Place(line, 4u * index);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = wg.x + wg.y * grid.x;
  let tileRows = (params.rows + params.height - 1u) / params.height;
  let first = (tile % tileRows) * params.height;
  let end = min(first + params.height, params.rows);
  let start = (tile / tileRows) * (COLS * LANES);
  let col = start + COLS * lane;
  let transposed = params.transposed == 1u;

  // Column `col` of the panel's `k` is number k % SHARE · COLS + col of its share. One array of all takes the
  // compiler three times as long: that grows with the square of the uses of an array.
  //: split
  var panel: array<array<f32, SHARE * COLS>, DEPTH / SHARE>;
  //: tail
  var tail: array<f32, TAIL * COLS>;
  //: end
  let step = select(1u, COLS, transposed);
  let own = min(col, params.cols - COLS); // clamped: what of B a lane past the edge copies

  //: tail
  // The part of the columns that this tile lies in.
  let part = u32(start >= params.end0) + u32(start >= params.end1);
  let firstCol = vec3(0u, params.end0, params.end1)[part];
  let tailDepth = vec3(params.depth0, params.depth1, params.depth2)[part];
  let tOffset = vec3(params.tOffset0, params.tOffset1, params.tOffset2)[part];
  let uOffset = vec3(params.uOffset0, params.uOffset1, params.uOffset2)[part];
  let uStride = vec3(params.uStride0, params.uStride1, params.uStride2)[part];
  let tailScale = vec3(params.scale0, params.scale1, params.scale2)[part];
  for (var line = 0u; line < select(tailDepth, COLS, transposed); line++) {
    for (var index = 0u; index < select(COLS, tailDepth, transposed) / 4u; index++) {
      let place = placeOf(line, index);
      let mine = own + place.col - firstCol;
      let at = select(place.k * uStride + mine, mine * uStride + place.k, transposed);
      let four = u[(uOffset + at) / 4u];
      let to = place.k * COLS + place.col;
      tail[to] = four.x;
      tail[to + step] = four.y;
      tail[to + 2u * step] = four.z;
      tail[to + 3u * step] = four.w;
    }
  }
  for (var at = tailDepth * COLS; at < TAIL * COLS; at++) {
    tail[at] = 0.0;
  }
  //: end

  for (var k0 = params.kBegin; k0 < params.kEnd; k0 += DEPTH) {
    //: unroll
    for (var share = 0u; share < DEPTH / SHARE; share++) {
      for (var line = 0u; line < select(SHARE, COLS, transposed); line++) {
        for (var index = 0u; index < select(COLS, SHARE, transposed) / 4u; index += FOURS) {
          let place = placeOf(line, index);
          let mine = own + place.col;
          let k = k0 + share * SHARE + place.k;
          let at = select(k * params.bStride + mine, mine * params.bStride + k, transposed);
          let word = wordOfB((params.bOffset + at) / (4u * FOURS));
          let to = place.k * COLS + place.col;
          //: unroll
          for (var four = 0u; four < FOURS; four++) {
            let y = fourOf(word, four);
            panel[share][to + 4u * four * step] = y.x;
            panel[share][to + (4u * four + 1u) * step] = y.y;
            panel[share][to + (4u * four + 2u) * step] = y.z;
            panel[share][to + (4u * four + 3u) * step] = y.w;
          }
        }
      }
    }
    let isLast = k0 + DEPTH >= params.depth;
    let scale = select(1.0, params.scale, isLast);
    let turns = min(params.rows, 1u);

    for (var row = first; row < end; row++) {
      // All loads come first: between them and the sums the compiler would hold back the additions.
      //: split
      var x: array<mat2x4<f32>, PARTS>;
      //: unroll
      for (var part = 0u; part < PARTS; part++) {
        let eight = (part * LANES + lane) % (DEPTH / 8u);
        x[part] = a[(params.aOffset + row * params.aStride + k0) / 8u + eight];
      }
      //: split
      var sum: array<vec4<f32>, 2>;
      let at = (params.cOffset + row * params.cStride + col) / 8u;
      var before = mat2x4<f32>();
      for (var turn = 0u; turn < u32(k0 > 0u); turn++) { before = c[at]; }
      //: unroll
      for (var j = 0u; j < 2u; j++) {
        sum[j] = before[j];
      }
      // Loops of one turn: behind one, the compiler needs the sums of all columns at once. Without it,
      // additions move behind the store of another four, and all products are kept until then.
      for (var turn = 0u; turn < turns; turn++) {
        //: unroll
        for (var k = 0u; k < DEPTH; k++) {
          let z = subgroupBroadcast(x[k / (8u * LANES)][k % 8u / 4u][k % 4u], k / 8u % LANES);
          //: unroll
          for (var j = 0u; j < 2u; j++) {
            const place = k % SHARE * COLS + 4u * j;
            sum[j] += z * vec4(
              panel[k / SHARE][place],
              panel[k / SHARE][place + 1u],
              panel[k / SHARE][place + 2u],
              panel[k / SHARE][place + 3u],
            );
          }
        }
      }

      //: tail
      // A loop of one turn, which is passed by where a condition would compute and drop it.
      for (var turn = 0u; turn < u32(isLast && tailDepth > 0u); turn++) {
        //: split
        var y: array<vec4<f32>, TAIL_PARTS>;
        //: unroll
        for (var i = 0u; i < TAIL_PARTS; i++) {
          let k = min(4u * ((i * LANES + lane) % (TAIL / 4u)), tailDepth - 4u);
          y[i] = tailScale * t[(tOffset + row * params.tStride + k) / 4u];
        }
        //: unroll
        for (var k = 0u; k < TAIL; k++) {
          let z = subgroupBroadcast(y[k / (4u * LANES)][k % 4u], k / 4u % LANES);
          //: unroll
          for (var j = 0u; j < 2u; j++) {
            const place = k * COLS + 4u * j;
            sum[j] += z * vec4(tail[place], tail[place + 1u], tail[place + 2u], tail[place + 3u]);
          }
        }
      }
      //: end

      if (col < params.cols) {
        var made = mat2x4(scale * sum[0], scale * sum[1]);
        //: residual
        for (var turn = 0u; turn < u32(isLast); turn++) { made += r[(row * params.cols + col) / 8u]; }
        //: end
        c[at] = made;
      }
    }
  }
}
