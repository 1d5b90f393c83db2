// adamw — one step of AdamW with decoupled weight decay (Loshchilov & Hutter, arXiv 1711.05101,
// algorithm 2) on a clipped gradient, which is zeroed for the next accumulation:
//
//   g = gradient · min(1, clipNorm / (norm + 1e-6))        when clipNorm > 0
//   first  = beta1 · first  + (1 − beta1) · g
//   second = beta2 · second + (1 − beta2) · g²
//   value  = value · (1 − learningRate · weightDecay)
//          − stepSize · first / (sqrt(second) / rootCorrection2 + eps)
//
// With `lazy` an element whose gradient is exactly 0 keeps value, first and second.
//
//   value     [size]  f32  inout
//   gradient  [size]  f32  inout  0 afterwards
//   first     [size]  f32  inout  running mean of g
//   second    [size]  f32  inout  running mean of g²
//   norm      [1]     f32  in     global norm of all gradients
//
// The host computes in f64: keep = 1 − learningRate · weightDecay, rest1 = 1 − beta1,
// rest2 = 1 − beta2, stepSize = learningRate / (1 − beta1^step), rootCorrection2 =
// sqrt(1 − beta2^step).
// Grid: one thread an element, 256 a workgroup, folded into (x, y).
// Reference: adamwReference in src/ops/adamw.ts.

struct Params {
  size: u32,
  keep: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  stepSize: f32,
  rootCorrection2: f32,
  eps: f32,
  clipNorm: f32,
  lazy: u32, // 0 or 1
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> value: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> first: array<f32>;
@group(0) @binding(4) var<storage, read_write> second: array<f32>;
@group(0) @binding(5) var<storage, read> norm: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.size) { return; }
  if (params.lazy == 1u && gradient[i] == 0.0) { return; }
  var clip = 1.0;
  if (params.clipNorm > 0.0) { clip = min(1.0, params.clipNorm / (norm[0] + 1e-6)); }
  let g = gradient[i] * clip;
  let m = params.beta1 * first[i] + params.rest1 * g;
  let v = params.beta2 * second[i] + params.rest2 * g * g;
  gradient[i] = 0.0;
  first[i] = m;
  second[i] = v;
  value[i] = value[i] * params.keep -
    params.stepSize * m / (sqrt(v) / params.rootCorrection2 + params.eps);
}
