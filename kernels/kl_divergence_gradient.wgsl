// kl_divergence_gradient — logits become scale · p · (log p − log q − KL(p ‖ q)), in place: the gradient
// of scale · KL(p ‖ q), where p and q are the softmax of a tuned model's logits and of its base's.
//
//   logits         [rows, cols]  f32  inout  the tuned model's, rows from `firstRow`; then the gradient
//   baseLogits     [rows, cols]  f32  in     the base's, of the same rows and ids
//   counted        [allRows]     u32  in     0: the row's gradient is 0
//   logSumExp      [allRows]     f32  in     of the logits, over the whole vocabulary
//   baseLogSumExp  [allRows]     f32  in     of the base's
//   divergences    [allRows]     f32  in     KL(p ‖ q)
//
// Past the first `valid` columns the gradient is 0. With a `softCap` above 0 a logit z counts as
// l = softCap · tanh(z / softCap), and its gradient is that of l times 1 − (l / softCap)².
// Grid: one thread an element, 256 a workgroup, folded into (x, y).
// Reference: klDivergenceReference in src/ops/kl_divergence.ts.

struct Params {
  rows: u32,
  cols: u32,
  firstRow: u32,
  allRows: u32,
  valid: u32,
  scale: f32,
  softCap: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read> baseLogits: array<f32>;
@group(0) @binding(3) var<storage, read> counted: array<u32>;
@group(0) @binding(4) var<storage, read> logSumExp: array<f32>;
@group(0) @binding(5) var<storage, read> baseLogSumExp: array<f32>;
@group(0) @binding(6) var<storage, read> divergences: array<f32>;

// The tanh of 10 is 1 in f32; of a large number some drivers make NaN.
fn bend(z: f32) -> f32 { return tanh(clamp(z / params.softCap, -10.0, 10.0)); }

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.rows * params.cols) { return; }
  let at = params.firstRow + i / params.cols;
  var gradient = 0.0;
  if (counted[at] != 0u && i % params.cols < params.valid) {
    var l = logits[i];
    var q = baseLogits[i];
    var slope = 1.0;
    if (params.softCap > 0.0) {
      let t = bend(l);
      slope = 1.0 - t * t;
      l = params.softCap * t;
      q = params.softCap * bend(q);
    }
    let logP = l - logSumExp[at];
    gradient = exp(logP) * (logP - (q - baseLogSumExp[at]) - divergences[at]) * slope;
  }
  logits[i] = params.scale * gradient;
}
