// swiglu_backward — dGate = dY · up · s · (1 + z · (1 − s)) and dUp = dY · z · s, where z = gate and
// s = 1 / (1 + exp(-z)).
//
//   gateUp  [rows, 2·cols]  f32  inout  input of the forward; becomes its gradient
//   dY      [rows, cols]    f32  inout  becomes what the forward gave, y
//
// Grid: one thread an element of dY, 256 a workgroup, folded into (x, y).
// Reference: swigluBackwardReference in src/ops/swiglu.ts.

alias Num = f32; // in fours: alias Num = vec4<f32>;
const PER = 1u; // in fours: const PER = 4u;

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> gateUp: array<Num>;
@group(0) @binding(2) var<storage, read_write> dY: array<Num>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  let cols = params.cols / PER;
  if (i >= params.rows * cols) { return; }
  let row = i / cols;
  let at = i + row * cols; // row · 2·cols + column
  let z = gateUp[at];
  let up = gateUp[at + cols];
  let change = dY[i];
  let s = 1.0 / (1.0 + exp(min(-z, Num(80.0))));
  gateUp[at] = change * up * s * (1.0 + z * (1.0 - s));
  gateUp[at + cols] = change * z * s;
  dY[i] = z * s * up;
}
