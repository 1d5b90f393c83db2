// sample_token_rows — what sample_token does, one thread a row: for adapters on which a barrier is dear.
//
//   logits          [rows, vocab]  f32  in     only the first `valid` columns take part
//   seeds           [rows]         u32  in     seed of each row's own draws
//   steps           [rows]         u32  in     how many draws a row has made: the generator's stream
//   weights         [rows, vocab]  f32  out    scratch: exp((logit − largest) / temperature)
//   tokens          [rows]         u32  out    the token drawn
//   logProbability  [rows]         f32  out    its log-probability at temperature 1, in nats
//
// Grid: one thread a row, folded. Sums in f32, in the order of the columns.
// Reference: sampleTokenReference in src/ops/sample_token.ts; generator: src/gpu/random.ts.

struct Params { rows: u32, vocab: u32, valid: u32, temperature: f32, topP: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> seeds: array<u32>;
@group(0) @binding(3) var<storage, read> steps: array<u32>;
@group(0) @binding(4) var<storage, read_write> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(6) var<storage, read_write> logProbability: array<f32>;

const WG = 8u;

fn scramble(value: u32) -> u32 {
  let once = (value ^ (value >> 16u)) * 0x7feb352du;
  let twice = (once ^ (once >> 15u)) * 0x846ca68bu;
  return twice ^ (twice >> 16u);
}

fn randomUnit(seed: u32, stream: u32) -> f32 {
  return f32(scramble(scramble(scramble(seed) + stream)) >> 8u) / 16777216.0;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = (wg.x + wg.y * grid.x) * WG + local.x;
  if (row >= params.rows) { return; }
  let base = row * params.vocab;
  let end = base + params.valid;

  var largest = -3.4e38;
  var chosen = base;
  for (var i = base; i < end; i++) {
    if (logits[i] > largest) { largest = logits[i]; chosen = i; }
  }
  var sum = 0.0;
  for (var i = base; i < end; i++) { sum += exp(logits[i] - largest); }
  let normaliser = log(sum) + largest;

  if (params.temperature > 0.0) {
    var mass = 0.0;
    for (var i = base; i < end; i++) {
      let weight = exp((logits[i] - largest) / params.temperature);
      weights[i] = weight;
      mass += weight;
    }
    // Bits of a positive float grow with its value; 0x3f800000 is 1, the largest weight.
    var low = 0u; // its set holds enough
    var kept = mass;
    if (params.topP < 1.0) {
      var high = 0x3f800001u; // its set holds too little
      for (var bit = 0u; bit < 30u; bit++) {
        let middle = (low + high) / 2u;
        let threshold = bitcast<f32>(middle);
        sum = 0.0;
        for (var i = base; i < end; i++) { sum += select(0.0, weights[i], weights[i] >= threshold); }
        if (sum >= params.topP * mass) { low = middle; kept = sum; } else { high = middle; }
      }
    }
    let threshold = bitcast<f32>(low);
    let point = randomUnit(seeds[row], steps[row]) * kept;
    sum = 0.0;
    for (var i = base; i < end; i++) {
      if (weights[i] >= threshold && sum <= point) {
        chosen = i;
        sum += weights[i];
      }
    }
  }
  tokens[row] = chosen - base;
  logProbability[row] = logits[chosen] - normaliser;
}
