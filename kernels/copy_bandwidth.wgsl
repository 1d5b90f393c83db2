// copy_bandwidth — y = x, four numbers a thread: the memory ceiling of an adapter.
//
//   x  [4 · vectors]  f32  in
//   y  [4 · vectors]  f32  out
//
// Grid: one thread a vec4, 256 a workgroup, folded into (x, y).

struct Params { vectors: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let i = (wg.x + wg.y * grid.x) * 256u + local.x;
  if (i < params.vectors) { y[i] = x[i]; }
}
