// kl_divergence — KL(p ‖ q) = Σ p · (log p − log q), where p and q are the softmax of a tuned model's
// logits and of its base's, over the vocabulary a chunk at a time.
//
//   logits         [rows, cols]  f32  in     the tuned model's; rows from `firstRow`
//   baseLogits     [rows, cols]  f32  in     the base's, of the same rows and ids
//   counted        [allRows]     u32  in     0: the row's divergence is 0
//   logSumExp      [allRows]     f32  inout  of the logits, over the chunks so far
//   baseLogSumExp  [allRows]     f32  inout  of the base's
//   divergences    [allRows]     f32  inout  nats; between the chunks the mean under p of logit − base
//
// Only the first `valid` columns count. With a `softCap` above 0 a logit z counts as
// softCap · tanh(z / softCap). `first` and `last` are 1 in the first and last chunk of the vocabulary.
// Grid: one workgroup a row, folded into (x, y) past 65 535 rows.
// Sums in f32. Reference: klDivergenceReference in src/ops/kl_divergence.ts.

override WG: u32 = 64u; // threads a row

struct Params {
  rows: u32,
  cols: u32,
  firstRow: u32,
  allRows: u32,
  valid: u32,
  first: u32,
  last: u32,
  softCap: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> baseLogits: array<f32>;
@group(0) @binding(3) var<storage, read> counted: array<u32>;
@group(0) @binding(4) var<storage, read_write> logSumExp: array<f32>;
@group(0) @binding(5) var<storage, read_write> baseLogSumExp: array<f32>;
@group(0) @binding(6) var<storage, read_write> divergences: array<f32>;

const lowest = -3.4028234e38;

var<workgroup> largest: array<vec2<f32>, WG>;
var<workgroup> partial: array<vec3<f32>, WG>;

// The tanh of 10 is 1 in f32; of a large number some drivers make NaN.
fn capped(z: f32) -> f32 {
  if (params.softCap <= 0.0) { return z; }
  return params.softCap * tanh(clamp(z / params.softCap, -10.0, 10.0));
}

fn logAddExp(a: f32, b: f32) -> f32 {
  let above = max(a, b);
  return above + log(exp(a - above) + exp(b - above));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = wg.x + wg.y * grid.x;
  if (row >= params.rows) { return; } // uniform: the whole workgroup leaves
  let base = row * params.cols;
  let at = params.firstRow + row;
  if (counted[at] == 0u) { // uniform too
    if (local.x == 0u) { divergences[at] = 0.0; }
    return;
  }

  var mine = vec2<f32>(lowest, lowest);
  for (var c = local.x; c < params.valid; c += WG) {
    mine = max(mine, vec2<f32>(logits[base + c], baseLogits[base + c]));
  }
  largest[local.x] = mine;
  workgroupBarrier();
  var most = vec2<f32>(lowest, lowest);
  for (var i = 0u; i < WG; i++) { most = max(most, largest[i]); }
  most = vec2<f32>(capped(most.x), capped(most.y));

  // Σ exp(logit), Σ exp(base logit), Σ exp(logit) · (logit − base logit), each from its largest.
  var own = vec3<f32>(0.0, 0.0, 0.0);
  for (var c = local.x; c < params.valid; c += WG) {
    let z = capped(logits[base + c]);
    let q = capped(baseLogits[base + c]);
    let p = exp(z - most.x);
    own += vec3<f32>(p, exp(q - most.y), p * (z - q));
  }
  partial[local.x] = own;
  workgroupBarrier();
  if (local.x != 0u) { return; }
  var sum = vec3<f32>(0.0, 0.0, 0.0);
  for (var i = 0u; i < WG; i++) { sum += partial[i]; }

  var total = lowest;
  var baseTotal = lowest;
  var gap = 0.0;
  if (params.valid > 0u) {
    total = most.x + log(sum.x);
    baseTotal = most.y + log(sum.y);
    gap = sum.z / sum.x;
  }
  if (params.first == 0u) {
    let before = logSumExp[at];
    let both = logAddExp(before, total);
    gap = divergences[at] * exp(before - both) + gap * exp(total - both);
    total = both;
    baseTotal = logAddExp(baseLogSumExp[at], baseTotal);
  }
  logSumExp[at] = total;
  baseLogSumExp[at] = baseTotal;
  if (params.last == 1u) { gap -= total - baseTotal; }
  divergences[at] = gap;
}
