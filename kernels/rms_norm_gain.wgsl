// rms_norm_gain — partial[b, c] = Σ over the rows of block b of dY · x · rstd.
//
//   x        [rows, cols]    f32  in   input of the forward
//   rstd     [rows]          f32  in   saved by the forward
//   dY       [rows, cols]    f32  in
//   partial  [blocks, cols]  f32  out  column_sum.wgsl adds the blocks to dGain
//
// A block is `blockRows` rows. Grid: (64 columns a workgroup, one block).
// Sums in f32, always in the same order. Reference: rmsNormBackwardReference in src/ops/rms_norm.ts.

struct Params { rows: u32, cols: u32, blocks: u32, blockRows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dY: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  let block = id.y;
  if (c >= params.cols) { return; }
  let end = min((block + 1u) * params.blockRows, params.rows);
  var sum = 0.0;
  for (var row = block * params.blockRows; row < end; row++) {
    let at = row * params.cols + c;
    sum += dY[at] * x[at] * rstd[row];
  }
  partial[block * params.cols + c] = sum;
}
