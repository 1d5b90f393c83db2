// rms_norm_backward — dX += rstd · (gain·dY − x · rstd² · mean(gain·dY·x)).
//
//   x     [rows, cols]  f32  in     input of the forward
//   gain  [cols]        f32  in
//   rstd  [rows]        f32  in     saved by the forward
//   dY    [rows, cols]  f32  in
//   dX    [rows, cols]  f32  inout  the residual stream's gradient, added to
//
// Grid: one workgroup a row, folded into (x, y) past 65 535 rows.
// Sums in f32. Reference: rmsNormBackwardReference in src/ops/rms_norm.ts.

override WG: u32 = 64u; // threads a row

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dY: array<f32>;
@group(0) @binding(5) var<storage, read_write> dX: array<f32>;

var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = wg.x + wg.y * grid.x;
  if (row >= params.rows) { return; } // uniform: the whole workgroup leaves
  let base = row * params.cols;

  var mine = 0.0;
  for (var c = local.x; c < params.cols; c += WG) {
    mine += gain[c] * dY[base + c] * x[base + c];
  }
  partial[local.x] = mine;
  workgroupBarrier();

  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += partial[i]; }

  let scale = rstd[row];
  let pull = scale * scale * sum / f32(params.cols);
  for (var c = local.x; c < params.cols; c += WG) {
    dX[base + c] += scale * (gain[c] * dY[base + c] - x[base + c] * pull);
  }
}
