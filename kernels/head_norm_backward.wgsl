// head_norm_backward — of each query head and each key head
//   dX = rstd · (gain·dY − x · rstd² · mean(gain·dY·x)),
// written over dY. The gradient of value heads is dY, and stays.
//
//   qkv        [rows, heads + 2 kvHeads, headDim]  f32  in     input of the forward: the x of each head
//   queryGain  [headDim]                           f32  in
//   keyGain    [headDim]                           f32  in
//   rstd       [rows, heads + kvHeads]             f32  in     saved by the forward
//   d          [rows, heads + 2 kvHeads, headDim]  f32  inout  dY, then dX
//
// Grid: one workgroup a row and normed head, folded.
// Sums in f32. Reference: headNormBackwardReference in src/ops/head_norm.ts.

override WG: u32 = 32u; // threads a head

struct Params { rows: u32, heads: u32, kvHeads: u32, headDim: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> queryGain: array<f32>;
@group(0) @binding(3) var<storage, read> keyGain: array<f32>;
@group(0) @binding(4) var<storage, read> rstd: array<f32>;
@group(0) @binding(5) var<storage, read_write> d: array<f32>;

var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let normed = params.heads + params.kvHeads;
  let id = wg.x + wg.y * grid.x;
  if (id >= params.rows * normed) { return; } // uniform: the whole workgroup leaves
  let row = id / normed;
  let head = id % normed;
  let base = (row * (normed + params.kvHeads) + head) * params.headDim;

  var mine = 0.0;
  for (var c = local.x; c < params.headDim; c += WG) {
    let gain = select(keyGain[c], queryGain[c], head < params.heads);
    mine += gain * d[base + c] * qkv[base + c];
  }
  partial[local.x] = mine;
  workgroupBarrier();

  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += partial[i]; }

  let scale = rstd[id];
  let pull = scale * scale * sum / f32(params.headDim);
  for (var c = local.x; c < params.headDim; c += WG) {
    let gain = select(keyGain[c], queryGain[c], head < params.heads);
    d[base + c] = scale * (gain * d[base + c] - qkv[base + c] * pull);
  }
}
