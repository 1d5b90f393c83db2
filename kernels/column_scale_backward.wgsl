// column_scale_backward — dZ = dY · lengths / norms in place, and what each block adds to dLengths:
//   partial[b, c] = Σ over the rows of block b of dY[r, c] · z[r, c] / norms[c].
//
//   dY       [size]          f32  inout  a window of columns: row r starts at offset + r · stride
//   z        [rows, cols]    f32  in     what the forward scaled
//   lengths  [cols]          f32  in
//   norms    [cols]          f32  in     constants: nothing flows through them
//   partial  [blocks, cols]  f32  out    column_sum.wgsl adds the blocks to dLengths
//
// A block is `blockRows` rows. Grid: (64 columns a workgroup, one block).
// Sums in f32, always in the same order. Reference: columnScaleBackwardReference in
// src/ops/column_scale.ts.

struct Params {
  rows: u32, cols: u32, size: u32, offset: u32, stride: u32, blocks: u32, blockRows: u32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dY: array<f32>;
@group(0) @binding(2) var<storage, read> z: array<f32>;
@group(0) @binding(3) var<storage, read> lengths: array<f32>;
@group(0) @binding(4) var<storage, read> norms: array<f32>;
@group(0) @binding(5) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  let block = id.y;
  if (c >= params.cols) { return; }
  let norm = norms[c];
  let factor = lengths[c] / norm;
  let end = min((block + 1u) * params.blockRows, params.rows);
  var sum = 0.0;
  for (var row = block * params.blockRows; row < end; row++) {
    let at = params.offset + row * params.stride + c;
    sum += dY[at] * z[row * params.cols + c];
    dY[at] *= factor;
  }
  partial[block * params.cols + c] = sum / norm;
}
