// head_norm — y = gain · x / rms(x) of each query head and each key head, where rms(x) =
// sqrt(mean(x²) + eps) over the head's elements. Value heads are copied.
//
//   qkv        [rows, heads + 2 kvHeads, headDim]  f32  in
//   queryGain  [headDim]                           f32  in   of every query head
//   keyGain    [headDim]                           f32  in   of every key head
//   y          [rows, heads + 2 kvHeads, headDim]  f32  out
//   rstd       [rows, heads + kvHeads]             f32  out  1 / rms(x); head_norm_backward.wgsl reads it
//
// Grid: one workgroup a row and head, folded.
// Sums in f32. Reference: headNormReference in src/ops/head_norm.ts.

override WG: u32 = 32u; // threads a head

struct Params { rows: u32, heads: u32, kvHeads: u32, headDim: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> queryGain: array<f32>;
@group(0) @binding(3) var<storage, read> keyGain: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;

var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let normed = params.heads + params.kvHeads;
  let all = normed + params.kvHeads;
  let id = wg.x + wg.y * grid.x;
  if (id >= params.rows * all) { return; } // uniform: the whole workgroup leaves
  let row = id / all;
  let head = id % all;
  let base = id * params.headDim;

  if (head >= normed) { // uniform too
    for (var c = local.x; c < params.headDim; c += WG) { y[base + c] = qkv[base + c]; }
    return;
  }

  var mine = 0.0;
  for (var c = local.x; c < params.headDim; c += WG) {
    mine += qkv[base + c] * qkv[base + c];
  }
  partial[local.x] = mine;
  workgroupBarrier();

  // Every thread adds all partial sums: one barrier instead of a tree of them.
  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += partial[i]; }

  let scale = inverseSqrt(sum / f32(params.headDim) + params.eps);
  for (var c = local.x; c < params.headDim; c += WG) {
    let gain = select(keyGain[c], queryGain[c], head < params.heads);
    y[base + c] = qkv[base + c] * scale * gain;
  }
  if (local.x == 0u) { rstd[row * normed + head] = scale; }
}
