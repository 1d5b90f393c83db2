// unpack_bf16 — y[i] = element first + i of a tensor of bfloat16, two a word, the first in the low bits.
//
//   words  [words]  u32  in   a bfloat16 is the upper half of the f32 it stands for
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
  let low = words[word];
  let high = words[min(word + 1u, params.words - 1u)];
  y[at] = bitcast<f32>(low << 16u);
  if (at + 1u < params.size) { y[at + 1u] = bitcast<f32>(low & 0xffff0000u); }
  if (at + 2u < params.size) { y[at + 2u] = bitcast<f32>(high << 16u); }
  if (at + 3u < params.size) { y[at + 3u] = bitcast<f32>(high & 0xffff0000u); }
}
