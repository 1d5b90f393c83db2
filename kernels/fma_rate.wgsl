// fma_rate — multiply-adds that depend on nothing but registers: the arithmetic ceiling of an adapter.
//
//   y  [threads]  f32  out  so that no sum is dropped
//
// Grid: 64 threads a workgroup. A turn of the loop is 8 chains × vec4 × 4 = 128 multiply-adds a thread.

struct Params { threads: u32, turns: u32, a: f32, b: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let a = vec4(params.a);
  let b = vec4(params.b);
  let first = vec4(f32(id.x));
  var s0 = first;
  var s1 = first + 1.0;
  var s2 = first + 2.0;
  var s3 = first + 3.0;
  var s4 = first + 4.0;
  var s5 = first + 5.0;
  var s6 = first + 6.0;
  var s7 = first + 7.0;
  for (var turn = 0u; turn < params.turns; turn++) {
    s0 = fma(s0, a, b); s1 = fma(s1, a, b); s2 = fma(s2, a, b); s3 = fma(s3, a, b);
    s4 = fma(s4, a, b); s5 = fma(s5, a, b); s6 = fma(s6, a, b); s7 = fma(s7, a, b);
    s0 = fma(s0, a, b); s1 = fma(s1, a, b); s2 = fma(s2, a, b); s3 = fma(s3, a, b);
    s4 = fma(s4, a, b); s5 = fma(s5, a, b); s6 = fma(s6, a, b); s7 = fma(s7, a, b);
    s0 = fma(s0, a, b); s1 = fma(s1, a, b); s2 = fma(s2, a, b); s3 = fma(s3, a, b);
    s4 = fma(s4, a, b); s5 = fma(s5, a, b); s6 = fma(s6, a, b); s7 = fma(s7, a, b);
    s0 = fma(s0, a, b); s1 = fma(s1, a, b); s2 = fma(s2, a, b); s3 = fma(s3, a, b);
    s4 = fma(s4, a, b); s5 = fma(s5, a, b); s6 = fma(s6, a, b); s7 = fma(s7, a, b);
  }
  let sum = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
  if (id.x < params.threads) { y[id.x] = sum.x + sum.y + sum.z + sum.w; }
}
