// cross_entropy — loss = logSumExp − logit of the target, where logSumExp = log Σ exp(logit), over
// the vocabulary a chunk at a time.
//
//   logits     [rows, cols]  f32  in     rows from `firstRow`, ids from `firstId`
//   targets    [allRows]     u32  in     an id, or 0xffffffff for a row without a label
//   losses     [allRows]     f32  inout  nats; between the chunks minus the target's logit
//   logSumExp  [allRows]     f32  inout  over the chunks so far
//
// Only the first `valid` columns count. With a `softCap` above 0 a logit z counts as
// softCap · tanh(z / softCap). `first` and `last` are 1 in the first and last chunk of the vocabulary.
// Grid: one workgroup a row, folded into (x, y) past 65 535 rows.
// Sums in f32. Reference: crossEntropyReference in src/ops/cross_entropy.ts.

override WG: u32 = 64u; // threads a row

struct Params {
  rows: u32,
  cols: u32,
  firstRow: u32,
  allRows: u32,
  firstId: u32,
  valid: u32,
  first: u32,
  last: u32,
  softCap: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> logSumExp: array<f32>;

const lowest = -3.4028234e38;

var<workgroup> largest: array<f32, WG>;
var<workgroup> partial: array<f32, WG>;

// The tanh of 10 is 1 in f32; of a large number some drivers make NaN.
fn capped(z: f32) -> f32 {
  if (params.softCap <= 0.0) { return z; }
  return params.softCap * tanh(clamp(z / params.softCap, -10.0, 10.0));
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

  var mine = lowest;
  for (var c = local.x; c < params.valid; c += WG) { mine = max(mine, logits[base + c]); }
  largest[local.x] = mine;
  workgroupBarrier();
  var most = lowest;
  for (var i = 0u; i < WG; i++) { most = max(most, largest[i]); }
  most = capped(most);

  var mySum = 0.0;
  for (var c = local.x; c < params.valid; c += WG) { mySum += exp(capped(logits[base + c]) - most); }
  partial[local.x] = mySum;
  workgroupBarrier();
  if (local.x != 0u) { return; }
  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += partial[i]; }

  let at = params.firstRow + row;
  var total = most + log(sum);
  if (params.valid == 0u) { total = lowest; }
  if (params.first == 0u) {
    let before = logSumExp[at];
    let above = max(before, total);
    total = above + log(exp(before - above) + exp(total - above));
  }
  logSumExp[at] = total;

  var loss = 0.0;
  if (params.first == 0u) { loss = losses[at]; }
  let labelled = targets[at] != 0xffffffffu;
  if (labelled && targets[at] >= params.firstId && targets[at] - params.firstId < params.valid) {
    loss -= capped(logits[base + targets[at] - params.firstId]);
  }
  if (labelled && params.last == 1u) { loss += total; }
  losses[at] = loss;
}
