// reduce_sum — into[index] = Σ x, or += with `accumulate`.
//
//   x     [size]   f32  in
//   into  [slots]  f32  inout
//
// Grid: one workgroup. Sums in f32, always in the same order.
// Reference: sumReference in src/ops/reduce_sum.ts.

override WG: u32 = 64u;

struct Params { size: u32, slots: u32, index: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> into: array<f32>;

var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_id) local: vec3<u32>) {
  var mine = 0.0;
  for (var i = local.x; i < params.size; i += WG) { mine += x[i]; }
  partial[local.x] = mine;
  workgroupBarrier();
  if (local.x != 0u || params.index >= params.slots) { return; }
  var sum = 0.0;
  if (params.accumulate == 1u) { sum = into[params.index]; }
  for (var i = 0u; i < WG; i++) { sum += partial[i]; }
  into[params.index] = sum;
}
