// global_norm_finish — norm = sqrt(Σ partial).
//
//   partial  [parts]  f32  in   sums of squares from global_norm.wgsl
//   norm     [1]      f32  out
//
// Grid: one workgroup. Sums in f32, always in the same order.
// Reference: globalNormReference in src/ops/global_norm.ts.

override WG: u32 = 64u;

struct Params { parts: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> norm: array<f32>;

var<workgroup> sums: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_id) local: vec3<u32>) {
  var mine = 0.0;
  for (var i = local.x; i < params.parts; i += WG) { mine += partial[i]; }
  sums[local.x] = mine;
  workgroupBarrier();
  if (local.x != 0u) { return; }
  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += sums[i]; }
  norm[0] = sqrt(sum);
}
