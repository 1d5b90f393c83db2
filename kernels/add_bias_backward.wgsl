// add_bias_backward — partial[b, c] = Σ over the rows of block b of dY[row, c].
//
//   dY       [rows, cols]    f32  in
//   partial  [blocks, cols]  f32  out  column_sum.wgsl adds the blocks to dBias
//
// A block is `blockRows` rows. Grid: (64 columns a workgroup, one block).
// Sums in f32, always in the same order. Reference: addBiasBackwardReference in src/ops/add_bias.ts.

struct Params { rows: u32, cols: u32, blocks: u32, blockRows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dY: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  let block = id.y;
  if (c >= params.cols) { return; }
  let end = min((block + 1u) * params.blockRows, params.rows);
  var sum = 0.0;
  for (var row = block * params.blockRows; row < end; row++) { sum += dY[row * params.cols + c]; }
  partial[block * params.cols + c] = sum;
}
