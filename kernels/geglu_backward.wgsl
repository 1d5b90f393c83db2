// geglu_backward — dGate = dY · up · (s + z · 2u′ · s · (1 − s)) and dUp = dY · z · s, where z = gate,
// s = 1 / (1 + exp(−2u)), u = √(2/π) (z + 0.044715 z³) and u′ = √(2/π) (1 + 3 · 0.044715 z²).
//
//   gateUp  [rows, 2·cols]  f32  inout  input of the forward; becomes its gradient
//   dY      [rows, cols]    f32  inout  becomes what the forward gave, y
//
// Grid: one thread an element of dY, 256 a workgroup, folded into (x, y).
// Reference: gegluBackwardReference in src/ops/geglu.ts.

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
  let near = clamp(z, Num(-10.0), Num(10.0)); // beyond, gelu(z) is 0 or z to the last bit
  let square = near * near;
  let e = exp(-1.5957691216057308 * near * (1.0 + 0.044715 * square));
  let s = 1.0 / (1.0 + e);
  // e · s is 1 − s without the difference.
  let slope = s + near * 1.5957691216057308 * (1.0 + 0.134145 * square) * s * (e * s);
  gateUp[at] = change * up * slope;
  gateUp[at + cols] = change * max(z, Num(-10.0)) * s;
  dY[i] = max(z, Num(-10.0)) * s * up;
}
