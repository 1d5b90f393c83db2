// dropout — y = x · mask / (1 - rate), where mask is 0 with probability rate, else 1.
//
//   x  [size]  f32  in
//   y  [size]  f32  out
//
// The mask of element i is a function of (keyLow, keyHigh, i) alone, so the backward makes the same
// one again: mask(i) = mix(mix(i + keyLow) ^ keyHigh) >= threshold, with threshold = rate · 2³².
// mix is the finalizer of MurmurHash3, a bijection of u32 in which every bit moves every other.
//
// Grid: one thread an element, folded. Reference: dropoutReference in src/ops/dropout.ts.

struct Params { size: u32, keyLow: u32, keyHigh: u32, threshold: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn mix32(bits: u32) -> u32 {
  var h = bits;
  h = (h ^ (h >> 16u)) * 0x85ebca6bu;
  h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
  return h ^ (h >> 16u);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 64u + local.x;
  if (i >= params.size) { return; }
  let bits = mix32(mix32(i + params.keyLow) ^ params.keyHigh);
  y[i] = select(0.0, x[i] * params.scale, bits >= params.threshold);
}
