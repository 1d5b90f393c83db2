// cross_entropy_gradient — logits become scale · (softmax − onehot(target)), in place.
//
//   logits     [rows, cols]  f32  inout  rows from `firstRow`, ids from `firstId`; then the gradient
//   targets    [allRows]     u32  in     an id, or 0xffffffff: then the row's gradient is 0
//   logSumExp  [allRows]     f32  in     over the whole vocabulary
//
// Past the first `valid` columns the gradient is 0. With a `softCap` above 0 a logit z counts as
// l = softCap · tanh(z / softCap), and its gradient is that of l times 1 − (l / softCap)².
// Grid: one thread an element, 256 a workgroup, folded into (x, y).
// Reference: crossEntropyReference in src/ops/cross_entropy.ts.

struct Params {
  rows: u32,
  cols: u32,
  firstRow: u32,
  allRows: u32,
  firstId: u32,
  valid: u32,
  scale: f32,
  softCap: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read> logSumExp: array<f32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.rows * params.cols) { return; }
  let c = i % params.cols;
  let at = params.firstRow + i / params.cols;
  let label = targets[at];
  var gradient = 0.0;
  if (label != 0xffffffffu && c < params.valid) {
    var l = logits[i];
    var slope = 1.0;
    if (params.softCap > 0.0) {
      // The tanh of 10 is 1 in f32; of a large number some drivers make NaN.
      let t = tanh(clamp(l / params.softCap, -10.0, 10.0));
      l = params.softCap * t;
      slope = 1.0 - t * t;
    }
    gradient = exp(l - logSumExp[at]);
    if (params.firstId + c == label) { gradient -= 1.0; }
    gradient *= slope;
  }
  logits[i] = params.scale * gradient;
}
