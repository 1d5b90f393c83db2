// global_norm — partial[at + b] = Σ of gradient² over block b.
//
//   gradient  [size]   f32  in
//   partial   [parts]  f32  inout  global_norm_finish.wgsl sums it over all tensors
//
// A block is 8192 elements. Grid: one workgroup a block, folded into (x, y).
// Sums in f32, always in the same order. Reference: globalNormReference in src/ops/global_norm.ts.

override WG: u32 = 64u; // threads a block

struct Params { size: u32, parts: u32, at: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

var<workgroup> sums: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let block = wg.x + wg.y * grid.x;
  let start = block * 8192u;
  if (start >= params.size) { return; } // uniform: the whole workgroup leaves
  let end = min(start + 8192u, params.size);
  var mine = 0.0;
  for (var i = start + local.x; i < end; i += WG) { mine += gradient[i] * gradient[i]; }
  sums[local.x] = mine;
  workgroupBarrier();
  if (local.x != 0u) { return; }
  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += sums[i]; }
  partial[params.at + block] = sum;
}
