// unpack_f16 — y[i] = element first + i of a tensor of half floats, two a word, the first in the low bits.
//
//   words  [words]  u32  in
//   y      [size]   f32  out
//
// `first` is a multiple of 4. Exact. Grid: one thread four elements, 64 a workgroup, folded into (x, y).
// Reference: unpackReference in src/weights/pack.ts.

struct Params { size: u32, first: u32, words: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let at = ((wg.x + wg.y * grid.x) * 64u + local.x) * 4u;
  if (at >= params.size) { return; }
  let word = (params.first + at) / 2u;
  let low = unpack2x16float(words[word]);
  let high = unpack2x16float(words[min(word + 1u, params.words - 1u)]);
  y[at] = low.x;
  if (at + 1u < params.size) { y[at + 1u] = low.y; }
  if (at + 2u < params.size) { y[at + 2u] = high.x; }
  if (at + 3u < params.size) { y[at + 3u] = high.y; }
}
