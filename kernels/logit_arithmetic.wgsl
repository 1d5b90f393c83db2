// logit_arithmetic — scores of a formula over log-probabilities: a prompt has one row of logits a
// context, and every one of its rows becomes formula(log softmax of its rows), token by token.
//
//   logits   [prompts · contexts, vocab]  f32  inout  the rows of a prompt stand together; then its scores
//   program  [instructions, 2]            u32  in     postfix: operation, operand
//
// Operations: 0 puts the log-probability under context `operand` on the stack; 1 multiplies its top by
// `operand`, the bits of an f32; 2 adds, 3 takes the larger, 4 the smaller of the two on top. The
// program leaves one number. At most 8 contexts, and 8 numbers on the stack. Only the first `valid`
// columns count; the others stay as they are.
// Grid: one workgroup a prompt, folded into (x, y) past 65 535 prompts.
// Sums in f32. Reference: logitArithmeticReference in src/ops/logit_arithmetic.ts.

override WG: u32 = 32u; // threads a prompt

struct Params { prompts: u32, contexts: u32, vocab: u32, valid: u32, instructions: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read> program: array<u32>;

const lowest = -3.4028234e38;

var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let prompt = wg.x + wg.y * grid.x;
  if (prompt >= params.prompts) { return; } // uniform: the whole workgroup leaves
  let first = prompt * params.contexts * params.vocab;

  // Every thread adds the partials in the same order, so all of them see the same sums.
  var normaliser: array<f32, 8>;
  for (var context = 0u; context < params.contexts; context++) {
    let base = first + context * params.vocab;
    var most = lowest;
    for (var i = local.x; i < params.valid; i += WG) { most = max(most, logits[base + i]); }
    partial[local.x] = most;
    workgroupBarrier();
    for (var i = 0u; i < WG; i++) { most = max(most, partial[i]); }
    var sum = 0.0;
    for (var i = local.x; i < params.valid; i += WG) { sum += exp(logits[base + i] - most); }
    workgroupBarrier();
    partial[local.x] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var i = 0u; i < WG; i++) { sum += partial[i]; }
    normaliser[context] = most + log(sum);
    workgroupBarrier();
  }

  var stack: array<f32, 8>;
  for (var i = local.x; i < params.valid; i += WG) {
    var height = 0u;
    for (var at = 0u; at < params.instructions; at++) {
      let operand = program[2u * at + 1u];
      switch program[2u * at] {
        case 0u: {
          stack[height] = logits[first + operand * params.vocab + i] - normaliser[operand];
          height++;
        }
        case 1u: { stack[height - 1u] *= bitcast<f32>(operand); }
        case 2u: { height--; stack[height - 1u] += stack[height]; }
        case 3u: { height--; stack[height - 1u] = max(stack[height - 1u], stack[height]); }
        default: { height--; stack[height - 1u] = min(stack[height - 1u], stack[height]); }
      }
    }
    for (var context = 0u; context < params.contexts; context++) {
      logits[first + context * params.vocab + i] = stack[0];
    }
  }
}
