// sample_token — draws one token a row: greedily, or from the fewest tokens that hold topP of the
// probability softmax(logits / temperature).
//
//   logits          [rows, vocab]  f32  in     only the first `valid` columns take part
//   seeds           [rows]         u32  in     seed of each row's own draws
//   steps           [rows]         u32  in     how many draws a row has made: the generator's stream
//   weights         [rows, vocab]  f32  out    scratch: exp((logit − largest) / temperature)
//   tokens          [rows]         u32  out    the token drawn
//   logProbability  [rows]         f32  out    its log-probability at temperature 1, in nats
//
// The kept set is every token whose weight is at least a threshold: the largest one whose set holds
// topP of the mass, found by bisection over the bits of positive floats, so that it is exact.
//
// Grid: one workgroup a row, folded. Sums in f32. Reference: sampleTokenReference in
// src/ops/sample_token.ts; generator: src/gpu/random.ts.

override WG: u32 = 32u; // threads a row

struct Params { rows: u32, vocab: u32, valid: u32, temperature: f32, topP: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> seeds: array<u32>;
@group(0) @binding(3) var<storage, read> steps: array<u32>;
@group(0) @binding(4) var<storage, read_write> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(6) var<storage, read_write> logProbability: array<f32>;

var<workgroup> partial: array<f32, WG>;
var<workgroup> place: array<u32, WG>;

fn scramble(value: u32) -> u32 {
  let once = (value ^ (value >> 16u)) * 0x7feb352du;
  let twice = (once ^ (once >> 15u)) * 0x846ca68bu;
  return twice ^ (twice >> 16u);
}

fn randomUnit(seed: u32, stream: u32) -> f32 {
  return f32(scramble(scramble(scramble(seed) + stream)) >> 8u) / 16777216.0;
}

// Every thread adds the partials in the same order, so all of them see the same sum.
fn total(own: f32, thread: u32) -> f32 {
  workgroupBarrier();
  partial[thread] = own;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += partial[i]; }
  return sum;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = wg.x + wg.y * grid.x;
  if (row >= params.rows) { return; } // uniform: the whole workgroup leaves
  let base = row * params.vocab;
  let share = (params.valid + WG - 1u) / WG; // each thread owns a run of columns
  let from_ = base + min(local.x * share, params.valid);
  let to = base + min((local.x + 1u) * share, params.valid);

  var best = -3.4e38;
  var at = base;
  for (var i = from_; i < to; i++) {
    if (logits[i] > best) { best = logits[i]; at = i; }
  }
  partial[local.x] = best;
  place[local.x] = at;
  workgroupBarrier();
  var largest = -3.4e38;
  var chosen = base;
  for (var i = 0u; i < WG; i++) { // the first of equals: the lowest id
    if (partial[i] > largest) { largest = partial[i]; chosen = place[i]; }
  }

  var own = 0.0;
  for (var i = from_; i < to; i++) { own += exp(logits[i] - largest); }
  let normaliser = log(total(own, local.x)) + largest;

  if (params.temperature <= 0.0) {
    if (local.x == 0u) {
      tokens[row] = chosen - base;
      logProbability[row] = logits[chosen] - normaliser;
    }
    return;
  }

  own = 0.0;
  for (var i = from_; i < to; i++) {
    let weight = exp((logits[i] - largest) / params.temperature);
    weights[i] = weight;
    own += weight;
  }
  let wanted = params.topP * total(own, local.x);

  // Bits of a positive float grow with its value; 0x3f800000 is 1, the largest weight.
  var low = 0u; // its set holds enough
  if (params.topP < 1.0) {
    var high = 0x3f800001u; // its set holds too little
    for (var bit = 0u; bit < 30u; bit++) {
      let middle = (low + high) / 2u;
      let threshold = bitcast<f32>(middle);
      own = 0.0;
      for (var i = from_; i < to; i++) {
        if (weights[i] >= threshold) { own += weights[i]; }
      }
      if (total(own, local.x) >= wanted) { low = middle; } else { high = middle; }
    }
  }
  let threshold = bitcast<f32>(low);

  own = 0.0;
  for (var i = from_; i < to; i++) {
    if (weights[i] >= threshold) { own += weights[i]; }
  }
  let kept = total(own, local.x);
  let point = randomUnit(seeds[row], steps[row]) * kept;

  // The thread in whose run of columns the point falls walks to it; a point that rounding put at the
  // very end belongs to the last thread that keeps anything.
  var before = 0.0;
  for (var i = 0u; i < local.x; i++) { before += partial[i]; }
  let after = before + own;
  if (own > 0.0 && point >= before && (point < after || (after >= kept && point >= kept))) {
    var sum = before;
    var pick = from_;
    for (var i = from_; i < to; i++) {
      if (weights[i] >= threshold && sum <= point) {
        pick = i;
        sum += weights[i];
      }
    }
    tokens[row] = pick - base;
    logProbability[row] = logits[pick] - normaliser;
  }
}
