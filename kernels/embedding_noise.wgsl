// embedding_noise — x[row, c] += alpha / √(L · hidden) · u, where u is uniform in [-1, 1) and L is the
// number of tokens of the row's own sequence (NEFTune, Jain et al., arXiv 2310.05914, algorithm 1).
//
//   x       [rows, hidden]  f32  inout  embedded tokens
//   starts  [rows]          u32  in     where each row's sequence starts
//   ends    [rows]          u32  in     one past its last row
//
// u of element i is a function of (seed, stream, i) alone.
// Grid: one thread an element, 256 a workgroup, folded into (x, y).
// Reference: embeddingNoiseReference in src/ops/embedding_noise.ts; generator: src/gpu/random.ts.

struct Params { rows: u32, hidden: u32, seed: u32, stream: u32, alpha: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> ends: array<u32>;

fn scramble(value: u32) -> u32 {
  let once = (value ^ (value >> 16u)) * 0x7feb352du;
  let twice = (once ^ (once >> 15u)) * 0x846ca68bu;
  return twice ^ (twice >> 16u);
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i >= params.rows * params.hidden) { return; }
  let row = i / params.hidden;
  let bits = scramble(scramble(scramble(params.seed) + params.stream) + i);
  let u = f32(bits >> 8u) / 8388608.0 - 1.0;
  let numbers = f32(ends[row] - starts[row]) * f32(params.hidden);
  x[i] += params.alpha / sqrt(numbers) * u;
}
