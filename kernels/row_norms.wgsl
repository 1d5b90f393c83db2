// row_norms — norms[r] = ‖w[r] + delta[r]‖, the Euclidean length of each row of a sum.
//
//   w      [size]        f32  in   holds the rows: row r starts at offset + r · stride
//   delta  [rows, cols]  f32  in
//   norms  [rows]        f32  out
//
// Grid: one workgroup a row, folded into (x, y) past 65 535 rows.
// Sums in f32. Reference: rowNormsReference in src/ops/row_norms.ts.

override WG: u32 = 64u; // threads a row

struct Params { rows: u32, cols: u32, size: u32, offset: u32, stride: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> delta: array<f32>;
@group(0) @binding(3) var<storage, read_write> norms: array<f32>;

var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let row = wg.x + wg.y * grid.x;
  if (row >= params.rows) { return; } // uniform: the whole workgroup leaves
  let first = params.offset + row * params.stride;

  var mine = 0.0;
  for (var c = local.x; c < params.cols; c += WG) {
    let sum = w[first + c] + delta[row * params.cols + c];
    mine += sum * sum;
  }
  partial[local.x] = mine;
  workgroupBarrier();

  if (local.x == 0u) {
    var sum = 0.0;
    for (var i = 0u; i < WG; i++) { sum += partial[i]; }
    norms[row] = sqrt(sum);
  }
}
