import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import {
  encodeProgram,
  type Instruction,
  logitArithmetic,
  logitArithmeticReference,
} from "../../src/ops/logit_arithmetic.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

const read = (context: number): Instruction => ({ op: "read", context });
const scale = (by: number): Instruction => ({ op: "scale", by });

// Every operation; eight numbers on the stack at once; the same context twice.
const programs: ReadonlyArray<readonly [string, number, ReadonlyArray<Instruction>]> = [
  ["one context", 1, [read(0)]],
  ["a guided sum", 2, [read(0), read(1), read(0), scale(-1), { op: "add" }, scale(0.7), {
    op: "add",
  }]],
  ["a union and an intersection", 3, [
    ...[read(0), read(2), { op: "max" } as const, read(1), { op: "min" } as const],
    ...[scale(1.5), read(0), { op: "add" } as const, scale(0.4)],
  ]],
  ["eight contexts", 8, [
    ...Array.from({ length: 8 }, (_, context) => read(context)),
    ...Array.from({ length: 7 }, (_, place) => ({ op: place % 2 ? "add" : "max" }) as const),
  ]],
];

// A vocabulary below a workgroup, one that is no multiple of it, and more prompts than an axis holds.
for (const [prompts, vocab] of [[1, 5], [3, 67], [9, 257], [2, 20_000]] as const) {
  for (const [name, contexts, program] of programs) {
    onGpu(
      `logitArithmetic() matches its f64 reference on ${name} at [${prompts}, ${vocab}]`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        const rows = prompts * contexts;
        const logits = uniform(rows * vocab, 3).map((value) => 9 * value + 20);
        const onLogits = yield* gpu.upload(logits, [rows, vocab]);
        const onProgram = yield* gpu.upload(encodeProgram(program), [program.length, 2]);
        yield* gpu.submit((pass) =>
          logitArithmetic(folded(pass, 2), onLogits, onProgram, { contexts })
        );
        const actual = yield* gpu.download(onLogits);
        const row = (values: Float32Array, at: number) =>
          values.subarray(at * vocab, (at + 1) * vocab);
        for (let prompt = 0; prompt < prompts; prompt++) {
          const own = Array.from({ length: contexts }, (_, i) => prompt * contexts + i);
          const expected = logitArithmeticReference(own.map((at) => row(logits, at)), program);
          for (const at of own) {
            const error = worst(row(actual, at), expected);
            assert.ok(error < 1e-5, `row ${at}: worst error ${error}`);
          }
        }
      }),
    );
  }
}

onGpu(
  "logitArithmetic() leaves columns past `valid` out, and as they are",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const logits = Float32Array.of(1, 2, 90, 3, 1, 80);
    const onLogits = yield* gpu.upload(logits, [2, 3]);
    const program = [read(0), read(1), { op: "max" } as const];
    const onProgram = yield* gpu.upload(encodeProgram(program), [3, 2]);
    yield* gpu.submit((pass) =>
      logitArithmetic(pass, onLogits, onProgram, { contexts: 2, valid: 2 })
    );
    const actual = yield* gpu.download(onLogits);
    const expected = logitArithmeticReference([[1, 2], [3, 1]], program);
    assert.ok(worst(actual.subarray(0, 2), expected) < 1e-6);
    assert.ok(worst(actual.subarray(3, 5), expected) < 1e-6);
    assert.deepEqual([actual[2], actual[5]], [90, 80]);
  }),
);

onGpu(
  "logitArithmetic() says on a software adapter that its loops would be too long",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const program = Array.from({ length: 60 }, (_, i) => i === 0 ? read(0) : scale(1));
    const onProgram = yield* gpu.upload(encodeProgram(program), [60, 2]);
    yield* gpu.submit((pass) => {
      const software = { ...pass, adapter: { ...pass.adapter, software: true } };
      assert.throws(
        () => logitArithmetic(software, pass.tensor([1, 262_144]), onProgram, { contexts: 1 }),
        /Arithmetic over 1 contexts and a vocabulary of 262144 needs 66049/,
      );
    });
  }),
);

Deno.test("encodeProgram() refuses programs that do not leave one number", () => {
  const add: Instruction = { op: "add" };
  assert.throws(() => encodeProgram([read(0), add]), /two numbers before add/);
  assert.throws(() => encodeProgram([scale(2)]), /1 to 8 numbers on the stack but found 0/);
  assert.throws(() => encodeProgram([read(0), read(1)]), /one number at the end but found 2/);
  assert.throws(() => encodeProgram([read(8)]), /at most 8 contexts but found number 9/);
  const nine = Array.from({ length: 9 }, () => read(0));
  assert.throws(() => encodeProgram(nine), /1 to 8 numbers on the stack but found 9/);
});
