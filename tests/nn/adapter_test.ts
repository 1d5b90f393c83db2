import assert from "node:assert/strict";
import { Effect } from "effect";
import { readSequence } from "../../src/evaluation/read_sequence.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { llama } from "../../src/models/llama.ts";
import { loadDecoder, type LoadOptions } from "../../src/models/load_decoder.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { type AdapterStart, type LoraOptions, makeAdapter } from "../../src/nn/adapter.ts";
import { exportAdapter, importAdapter } from "../../src/nn/adapter_files.ts";
import { linearsOf } from "../../src/nn/linears.ts";
import { mergeWhereSmall } from "../../src/nn/merge.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { tinyShape } from "../training/tiny.ts";

const ids = [3, 1, 4, 1, 5, 9, 2, 6];
const plain: LoraOptions = {
  rank: 3,
  alpha: 6,
  dropout: 0,
  targetModules: ["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
  rsLora: false,
};
const dora: LoraOptions = { ...plain, dora: true };

const tiny = (options: LoraOptions, start: AdapterStart = {}, load: LoadOptions = {}) =>
  Effect.flatMap(
    loadDecoder(llama, tinyShape, randomWeights(llama, tinyShape, 1), load),
    (base) => Effect.map(makeAdapter(base, options, 1, start), (adapter) => ({ base, adapter })),
  );

/** Gives every parameter a value that shows; none is near zero. */
const disturb = ({ parameters }: Effect.Success<ReturnType<typeof tiny>>["adapter"]) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    for (const [seed, { value }] of [...parameters.byName.values()].entries()) {
      const noise = uniform(value.shape.reduce((a, b) => a * b, 1), seed + 1);
      yield* gpu.write(value, noise.map((x) => 0.3 * x + 0.1));
    }
  });

for (const storage of ["f32", "bf16", "q8"] as const) {
  onGpu(
    `makeAdapter() leaves the logits of a base in ${storage} as they are while B of DoRA is zero`,
    Effect.gen(function* () {
      const { base, adapter } = yield* tiny(dora, {}, { storage });
      const expected = yield* readSequence({ decoder: base }, ids);
      const actual = yield* readSequence(adapter, ids);
      const error = worst(actual.logits, expected.logits);
      assert.ok(error < 1e-6, `worst error ${error}`);
    }),
  );

  for (const [name, options] of Object.entries({ LoRA: plain, DoRA: dora })) {
    for (const most of [0, 2 ** 20]) {
      onGpu(
        `mergeWhereSmall() gives the logits of ${name} on a base in ${storage}, ${most} bytes at most`,
        Effect.gen(function* () {
          const { base, adapter } = yield* tiny(options, {}, { storage });
          yield* disturb(adapter);
          const before = yield* readSequence({ decoder: base }, ids);
          const adapted = yield* readSequence(adapter, ids);
          const subject = yield* mergeWhereSmall(adapter, most);
          const merged = yield* readSequence(subject, ids);
          assert.ok(worst(adapted.logits, before.logits) > 0.1, "the adapter changes nothing");
          const error = worst(merged.logits, adapted.logits);
          assert.ok(error < 1e-5, `worst error ${error}`);
          const adapters = linearsOf(subject.decoder).filter(({ lora }) => lora);
          assert.equal(adapters.length > 0, most === 0);
        }),
      );
    }
  }
}

onGpu(
  "makeAdapter() goes on with LoRA as DoRA from the same outputs",
  Effect.gen(function* () {
    const { adapter } = yield* tiny(plain);
    yield* disturb(adapter);
    const stored = yield* exportAdapter(adapter, { base: { model: "" }, tokens: [] });
    const again = yield* tiny(dora, { saved: importAdapter(adapter.decoder, stored) });
    const [expected, actual] = [
      yield* readSequence(adapter, ids),
      yield* readSequence(again.adapter, ids),
    ];
    const error = worst(actual.logits, expected.logits);
    assert.ok(error < 1e-5, `worst error ${error}`);
  }),
);

onGpu(
  "exportAdapter() and importAdapter() keep magnitudes, and what a module has of its own",
  Effect.gen(function* () {
    const { base, adapter: fresh } = yield* tiny(dora);
    const paths = [...fresh.plan.linears.keys()];
    const linears = new Map(paths.map((path, index) => {
      const [rank, alpha] = index % 2 ? [3, 6] : [2 + index % 3, 5];
      return [path, { rank, alpha, scale: alpha / rank, dora: true }];
    }));
    const adapter = yield* makeAdapter(base, dora, 1, { plan: { linears } });
    yield* disturb(adapter);
    const about = { base: { model: "" }, tokens: [] };
    const stored = yield* exportAdapter(adapter, about);
    for (const [path, { a, alpha, magnitude }] of stored.linears) {
      const { rank, alpha: own } = linears.get(path)!;
      assert.deepEqual([a.shape[0], alpha ?? 6], [rank, own], path);
      assert.ok(magnitude?.data.every((length) => Math.abs(length) < 0.5), `${path}: magnitude`);
    }
    const saved = importAdapter(base, stored);
    const again = yield* makeAdapter(base, dora, 2, { plan: { linears }, saved });
    assert.deepEqual(yield* exportAdapter(again, about), stored);
  }),
);

const refused: ReadonlyArray<readonly [string, LoraOptions, AdapterStart, string]> = [
  [
    "dropout with DoRA",
    { ...dora, dropout: 0.1 },
    {},
    "lora.dropout should be 0 with DoRA but is 0.1",
  ],
  [
    "DoRA on the embedding",
    { ...dora, targetModules: ["q_proj", "embed_tokens"] },
    {},
    "lora.targetModules should be of linears alone with DoRA but is embed_tokens",
  ],
  [
    "LoRA on the embedding beside rows of new tokens",
    { ...plain, targetModules: ["q_proj", "embed_tokens"] },
    { rows: { ids: [5], input: new Float32Array(36), trained: true } },
    "lora.targetModules should be without embed_tokens where new tokens have rows but is with embed_tokens",
  ],
];

for (const [what, options, start, message] of refused) {
  onGpu(
    `makeAdapter() refuses ${what}`,
    Effect.gen(function* () {
      const error = yield* Effect.flip(tiny(options, start));
      assert.equal(error.message, message);
    }),
  );
}
