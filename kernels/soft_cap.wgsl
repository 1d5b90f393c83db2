// soft_cap — x ← cap · tanh(x / cap).
//
//   x  [size]  f32  inout
//
// tanh is made of exp, and of its series near 0: WGSL only promises the built-in to within 1e-5, and
// cap · 1e-5 is too much of a logit.
//
// Grid: one thread an element, 256 a workgroup, folded into (x, y).
// Reference: softCapReference in src/ops/soft_cap.ts.

struct Params { size: u32, cap: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.size) { return; }
  // Beyond ±10, tanh is ±1 to the last bit; within, exp stays finite.
  let z = clamp(x[i] / params.cap, -10.0, 10.0);
  let q = z * z;
  // z − z³/3 + 2z⁵/15 − 17z⁷/315 + 62z⁹/2835: to the last bit or two below 0.3.
  let series = z * (1.0 - q * (0.33333333 - q * (0.13333333 - q * (0.053968254 - q * 0.021869489))));
  let ratio = 1.0 - 2.0 / (1.0 + exp(2.0 * z));
  x[i] = params.cap * select(ratio, series, abs(z) < 0.3);
}
