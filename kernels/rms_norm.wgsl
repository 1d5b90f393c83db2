// rms_norm — y = gain · x / rms(x), where rms(x) = sqrt(mean(x²) + eps).
//
//   x     [rows, cols]  f32  in    residual stream
//   gain  [cols]        f32  in    learned scale
//   y     [rows, cols]  f32  out
//   rstd  [rows]        f32  out   1 / rms(x); rms_norm_backward.wgsl reads it
//
// Grid: one workgroup a row, or by subgroups ROWS rows, folded into (x, y) past 65 535.
// Sums in f32. Reference: rmsNormReference in src/ops/rms_norm.ts.

override WG: u32 = 64u; // threads a row
// by subgroups: override ROWS: u32 = 8u; // rows a workgroup

alias Num = f32; // in fours: alias Num = vec4<f32>;
const PER = 1u; // in fours: const PER = 4u;

struct Params { rows: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Num>;
@group(0) @binding(2) var<storage, read> gain: array<Num>;
@group(0) @binding(3) var<storage, read_write> y: array<Num>;
@group(0) @binding(4) var<storage, read_write> rstd: array<f32>;

var<workgroup> partial: array<f32, WG>; // by subgroups:

fn total(x: Num) -> f32 { return x; } // in fours: fn total(x: Num) -> f32 { return dot(x, vec4(1.0)); }

@compute @workgroup_size(WG) // by subgroups: @compute @workgroup_size(WG, ROWS)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = wg.x + wg.y * grid.x; // by subgroups: let row = (wg.x + wg.y * grid.x) * ROWS + local.y;
  if (row >= params.rows) { return; } // uniform: all of the row's threads leave
  let cols = params.cols / PER;
  let base = row * cols;

  var mine = 0.0;
  for (var c = local.x; c < cols; c += WG) {
    mine += total(x[base + c] * x[base + c]);
  }
  // Every thread adds all partial sums: one barrier instead of a tree of them.
  partial[local.x] = mine; // by subgroups: let sum = subgroupAdd(mine);
  workgroupBarrier(); // by subgroups:
  var sum = 0.0; // by subgroups:
  for (var i = 0u; i < WG; i++) { sum += partial[i]; } // by subgroups:

  let scale = inverseSqrt(sum / f32(params.cols) + params.eps);
  for (var c = local.x; c < cols; c += WG) {
    y[base + c] = x[base + c] * scale * gain[c];
  }
  if (local.x == 0u) { rstd[row] = scale; }
}
