// unpack_q8 — y[i] = element first + i of a tensor of signed bytes, four a word, the first in the low
// bits, times the scale of its block of 32 consecutive elements.
//
//   words   [words]   u32  in
//   scales  [scales]  f32  in
//   y       [size]    f32  out
//
// `first` is a multiple of 4, so that a thread's elements are one word of one block. One rounding, that
// of the product. Grid: one thread four elements, 64 a workgroup, folded into (x, y).
// Reference: unpackReference in src/weights/pack.ts.

struct Params { size: u32, first: u32, words: u32, scales: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> words: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let at = ((wg.x + wg.y * grid.x) * 64u + local.x) * 4u;
  if (at >= params.size) { return; }
  let value = bitcast<i32>(words[(params.first + at) / 4u]);
  let scale = scales[(params.first + at) / 32u];
  y[at] = scale * f32((value << 24u) >> 24u); // shifts of i32 keep the sign
  if (at + 1u < params.size) { y[at + 1u] = scale * f32((value << 16u) >> 24u); }
  if (at + 2u < params.size) { y[at + 2u] = scale * f32((value << 8u) >> 24u); }
  if (at + 3u < params.size) { y[at + 3u] = scale * f32(value >> 24u); }
}
