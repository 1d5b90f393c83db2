// column_sum — into[c] += Σ over rows of x[row, c].
//
//   x     [rows, cols]  f32  in
//   into  [cols]        f32  inout
//
// Grid: one thread a column, 64 a workgroup.
// Sums in f32, always in the same order. Reference: rmsNormBackwardReference in src/ops/rms_norm.ts.

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> into: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  if (c >= params.cols) { return; }
  var sum = 0.0;
  for (var row = 0u; row < params.rows; row++) { sum += x[row * params.cols + c]; }
  into[c] += sum;
}
