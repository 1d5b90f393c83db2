/** Arithmetic over the log-probabilities that several contexts give the next token. @module */
import source from "../../kernels/logit_arithmetic.wgsl" with { type: "text" };
import { GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** Binding of `kernels/logit_arithmetic.wgsl`. */
export const logitArithmeticKernel: Kernel<
  "logits" | "program",
  "prompts" | "contexts" | "vocab" | "valid" | "instructions"
> = {
  name: "logit_arithmetic",
  source,
  params: { prompts: "u32", contexts: "u32", vocab: "u32", valid: "u32", instructions: "u32" },
  bindings: {
    logits: {
      access: "inout",
      shape: ({ prompts, contexts, vocab }) => [prompts * contexts, vocab],
    },
    program: { access: "in", dtype: "u32", shape: ({ instructions }) => [instructions, 2] },
  },
  workgroups: ({ prompts }) => prompts,
};

/** Contexts that a prompt may have, and numbers that a program may have on its stack. */
export const mostContexts = 8;

/** One step of a formula in postfix order; what it computes is left on a stack. */
export type Instruction =
  /** Puts the log-probability of the token under a context, by its index, on the stack. */
  | { readonly op: "read"; readonly context: number }
  /** Multiplies the top. */
  | { readonly op: "scale"; readonly by: number }
  /** Replaces the two on top by their sum, the larger or the smaller. */
  | { readonly op: "add" | "max" | "min" };

const codes = { read: 0, scale: 1, add: 2, max: 3, min: 4 } as const;

/**
 * The program as u32 `[instructions, 2]`, to upload. Throws where it does not leave exactly one
 * number, holds more than {@linkcode mostContexts} at once or reads a context past them.
 */
export const encodeProgram = (
  program: ReadonlyArray<Instruction>,
): Uint32Array<ArrayBuffer> => {
  let height = 0;
  const words = new Uint32Array(2 * program.length);
  const numbers = new Float32Array(words.buffer);
  for (const [at, instruction] of program.entries()) {
    words[2 * at] = codes[instruction.op];
    if (instruction.op === "read") {
      if (instruction.context >= mostContexts) {
        throw new RangeError(
          `Expected at most ${mostContexts} contexts but found number ${instruction.context + 1}`,
        );
      }
      words[2 * at + 1] = instruction.context;
      height++;
    } else if (instruction.op === "scale") numbers[2 * at + 1] = instruction.by;
    else if (--height < 1) throw new RangeError(`Expected two numbers before ${instruction.op}`);
    if (height < 1 || height > mostContexts) {
      throw new RangeError(
        `Expected 1 to ${mostContexts} numbers on the stack but found ${height}`,
      );
    }
  }
  if (height !== 1) throw new RangeError(`Expected one number at the end but found ${height}`);
  return words;
};

/** Iterations after which a software adapter silently ends a thread's loops. */
const mostIterations = 65_535;

const threadsFor = (
  { adapter: { software } }: Pass,
  vocab: number,
  contexts: number,
  instructions: number,
): number => {
  const threads = vocab > 16_384 ? 256 : 32;
  const columns = Math.ceil(vocab / threads);
  const actual = contexts * (1 + 2 * columns + 2 * threads) +
    columns * (1 + instructions + contexts);
  if (software && actual > mostIterations) {
    throw new GpuError({
      reason: {
        _tag: "LimitExceeded",
        what: `Arithmetic over ${contexts} contexts and a vocabulary of ${vocab}`,
        limit: "loop length",
        allowed: mostIterations,
        actual,
      },
    });
  }
  return threads;
};

/**
 * `logits [prompts · contexts, vocab]`, the rows of a prompt together, and a `program` u32
 * `[instructions, 2]` of {@linkcode encodeProgram}: every row of a prompt becomes what the program
 * computes from the log softmax of all of them over the first `valid` ids, in place.
 */
export const logitArithmetic = (
  pass: Pass,
  logits: Tensor,
  program: Tensor,
  { contexts, valid }: { readonly contexts: number; readonly valid?: number },
): void => {
  const [rows = 0, vocab = 0] = logits.shape;
  const [instructions = 0] = program.shape;
  const WG = threadsFor(pass, vocab, contexts, instructions);
  pass.dispatch(
    { ...logitArithmeticKernel, constants: { WG } },
    { prompts: rows / contexts, contexts, vocab, valid: valid ?? vocab, instructions },
    { logits, program },
  );
};

/** The scores of one prompt in f64, from its rows of logits. */
export const logitArithmeticReference = (
  rows: ReadonlyArray<ArrayLike<number>>,
  program: ReadonlyArray<Instruction>,
): Float64Array => {
  const logs = rows.map((row) => {
    const most = Array.from(row).reduce((a, b) => Math.max(a, b));
    const sum = Array.from(row).reduce((sum, logit) => sum + Math.exp(logit - most), 0);
    return Float64Array.from(row, (logit) => logit - most - Math.log(sum));
  });
  return Float64Array.from(logs[0]!, (_, token) => {
    const stack: number[] = [];
    for (const instruction of program) {
      if (instruction.op === "read") stack.push(logs[instruction.context]![token]!);
      else if (instruction.op === "scale") stack.push(stack.pop()! * instruction.by);
      else {
        const [b, a] = [stack.pop()!, stack.pop()!];
        const { op } = instruction;
        stack.push(op === "add" ? a + b : op === "max" ? Math.max(a, b) : Math.min(a, b));
      }
    }
    return stack[0]!;
  });
};
