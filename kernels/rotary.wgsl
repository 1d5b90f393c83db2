// rotary — turns the queries and keys of each row by its position, in place:
// (a, b) → (a·cos − sign·b·sin, b·cos + sign·a·sin) for the pair (i, i + headDim/2) of every head.
//
//   rotations  [maxPositions, headDim]  f32  in     cosines of the headDim/2 angles, then their sines
//   positions  [rows]                   u32  in     position of each row in its sequence
//   qkv        [rows, stride]           f32  inout  query heads, key heads, then values (left alone)
//
// sign is 1 forward and −1 backward: the gradient is turned the other way.
// Grid: one thread a pair, folded. Reference: rotaryReference in src/ops/rotary.ts.

struct Params { rows: u32, turned: u32, headDim: u32, stride: u32, maxPositions: u32, sign: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rotations: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> qkv: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let half = params.headDim / 2u;
  let pairs = params.turned * half; // a row: heads that are turned, pairs in each
  let index = (wg.x + wg.y * grid.x) * WG + local.x;
  if (index >= params.rows * pairs) { return; }
  let row = index / pairs;
  let head = (index % pairs) / half;
  let i = index % half;
  let table = min(positions[row], params.maxPositions - 1u) * params.headDim + i;
  let cosine = rotations[table];
  let sine = params.sign * rotations[table + half];
  let at = row * params.stride + head * params.headDim + i;
  let a = qkv[at];
  let b = qkv[at + half];
  qkv[at] = a * cosine - b * sine;
  qkv[at + half] = b * cosine + a * sine;
}
