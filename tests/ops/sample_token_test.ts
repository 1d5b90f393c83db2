import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { randomUnit } from "../../src/gpu/random.ts";
import {
  nucleusReference,
  sampleToken,
  sampleTokenKernel,
  sampleTokenReference,
  sampleTokenRowsKernel,
  type SamplingRule,
} from "../../src/ops/sample_token.ts";
import { onGpu, uniform } from "../support/on_gpu.ts";

const kernelsFor = (vocab: number) =>
  vocab <= 1024 ? [sampleTokenKernel, sampleTokenRowsKernel] : [sampleTokenKernel];

const draw = (
  logits: Float32Array,
  vocab: number,
  seeds: Uint32Array,
  rule: SamplingRule,
  kernel: typeof sampleTokenKernel | undefined,
) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const rows = seeds.length;
    const onLogits = yield* gpu.upload(logits, [rows, vocab]);
    const onSeeds = yield* gpu.upload(seeds, [rows]);
    const steps = yield* gpu.upload(new Uint32Array(rows).fill(3), [rows]);
    const out = yield* gpu.submit((pass) =>
      sampleToken(pass, onLogits, onSeeds, steps, rule, kernel ? { kernel } : {})
    );
    return {
      tokens: yield* gpu.downloadU32(out.tokens),
      logProbability: yield* gpu.download(out.logProbability),
    };
  });

const logSoftmax = (row: Float32Array, id: number): number =>
  row[id]! - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));

// A vocabulary below a workgroup, one that is no multiple of it, and a large one.
for (const [rows, vocab] of [[5, 7], [300, 67], [9, 5000]] as const) {
  for (
    const rule of [{ temperature: 0, topP: 1 }, { temperature: 0.7, topP: 0.95 }, {
      temperature: 1.3,
      topP: 1,
    }]
  ) {
    for (const kernel of kernelsFor(vocab)) {
      onGpu(
        `sampleToken() by ${kernel.name} draws the reference's token at [${rows}, ${vocab}], temperature ${rule.temperature}, topP ${rule.topP}`,
        Effect.gen(function* () {
          const logits = uniform(rows * vocab, 11).map((x) => 6 * x);
          const seeds = Uint32Array.from({ length: rows }, (_, row) => 1000 + row);
          const { tokens, logProbability } = yield* draw(logits, vocab, seeds, rule, kernel);
          let differing = 0;
          for (let row = 0; row < rows; row++) {
            const own = logits.subarray(row * vocab, (row + 1) * vocab);
            const token = tokens[row]!;
            if (token !== sampleTokenReference(own, seeds[row]!, 3, rule)) differing++;
            assert.ok(nucleusReference(own, rule)[token]! > 0, "drew from outside the nucleus");
            assert.ok(Math.abs(logProbability[row]! - logSoftmax(own, token)) < 1e-4);
          }
          // A draw within an f32 rounding of a boundary may fall on its other side.
          assert.ok(differing <= Math.ceil(rows / 100), `${differing} of ${rows} draws differ`);
        }),
      );
    }
  }
}

// Real vocabularies: a few ids, the first and last among them, hold half of the mass, the rest is a tail.
for (const vocab of [151_936, 262_144]) {
  for (
    const rule of [{ temperature: 0, topP: 1 }, { temperature: 0.7, topP: 0.9 }, {
      temperature: 1,
      topP: 1,
      valid: vocab - 100,
    }]
  ) {
    onGpu(
      `sampleToken() reads every id of ${vocab}, ${JSON.stringify(rule)}`,
      Effect.gen(function* () {
        const rows = 3;
        const logits = uniform(rows * vocab, 5).map((x) => 4 * x);
        for (let row = 0; row < rows; row++) {
          for (const [index, id] of [0, 70_000, 150_000, vocab - 101, vocab - 1].entries()) {
            logits[row * vocab + id] = Math.log(vocab) + (index + row) % 5 / 3; // no two alike
          }
        }
        const seeds = Uint32Array.from({ length: rows }, (_, row) => 1000 + row);
        const { tokens, logProbability } = yield* draw(logits, vocab, seeds, rule, undefined);
        for (let row = 0; row < rows; row++) {
          const own = logits.subarray(row * vocab, (row + 1) * vocab);
          const token = tokens[row]!;
          const kept = nucleusReference(own, rule);
          assert.ok(kept[token]! > 0, `drew ${token} from outside the nucleus`);
          // In f32 a sum of so many is 1e-6 off, which may move a draw by a few ids of the tail.
          const below = kept.subarray(0, token).reduce((sum, p) => sum + p, 0);
          const point = randomUnit(seeds[row]!, 3, 0);
          if (rule.temperature > 0) {
            assert.ok(below - 1e-5 <= point && point <= below + kept[token]! + 1e-5, `row ${row}`);
          } else assert.equal(token, sampleTokenReference(own, seeds[row]!, 3, rule));
          const expected = logSoftmax(own.subarray(0, rule.valid ?? vocab), token);
          assert.ok(Math.abs(logProbability[row]! - expected) < 1e-4);
        }
      }),
    );
  }
}

onGpu(
  "sampleToken() says which vocabulary is too large for a software adapter",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    yield* gpu.submit((pass) => {
      const software = { ...pass, adapter: { ...pass.adapter, software: true } };
      const [logits, seeds] = [pass.tensor([1, 413_697]), pass.tensor([1], "u32")];
      const rule = { temperature: 1, topP: 0.5 };
      const wide = () => sampleToken(software, logits, seeds, seeds, rule);
      assert.throws(wide, /413697 but .* is 413696/);
    });
  }),
);

onGpu(
  "sampleToken() draws as often as the probabilities say",
  Effect.gen(function* () {
    const vocab = 9;
    const rows = 20_000;
    const one = uniform(vocab, 4).map((x) => 2 * x);
    const logits = new Float32Array(rows * vocab);
    for (let row = 0; row < rows; row++) logits.set(one, row * vocab);
    const rule = { temperature: 0.9, topP: 0.9 };
    const seeds = Uint32Array.from({ length: rows }, (_, row) => row);
    const { tokens } = yield* draw(logits, vocab, seeds, rule, sampleTokenRowsKernel);
    const expected = nucleusReference(one, rule);
    for (let id = 0; id < vocab; id++) {
      const frequency = tokens.filter((token) => token === id).length / rows;
      assert.ok(Math.abs(frequency - expected[id]!) < 0.015, `token ${id}: ${frequency}`);
    }
  }),
);

onGpu(
  "sampleToken() takes the lowest id of equals, and none past `valid`",
  Effect.gen(function* () {
    const logits = Float32Array.of(1, 3, 3, 9, 0, 0, 0, 9);
    const rule = { temperature: 0, topP: 1, valid: 3 };
    const { tokens } = yield* draw(logits, 4, Uint32Array.of(1, 2), rule, sampleTokenRowsKernel);
    assert.deepEqual([...tokens], [1, 0]);
  }),
);
