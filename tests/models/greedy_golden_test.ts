import assert from "node:assert/strict";
import { Effect } from "effect";
import { generateBatch } from "../../src/generation/generate.ts";
import { loadDecoder } from "../../src/models/decoder.ts";
import { llama } from "../../src/models/llama.ts";
import type { Subject } from "../../src/nn/adapter.ts";
import { platform } from "../../src/platform.ts";
import { onGpu } from "../support/on_gpu.ts";
import { adaptedGolden, type GoldenPart, openGolden } from "./golden.ts";

const assertContinues = (subject: Subject, { sequences, greedy: { continuations } }: GoldenPart) =>
  Effect.gen(function* () {
    const completions = yield* generateBatch(
      subject,
      sequences.map(({ ids }, seed) => ({ ids, seed })),
      {
        temperature: 0,
        topP: 1,
        maxNewTokens: continuations[0]!.length,
        stopIds: [],
        valid: subject.decoder.shape.vocab,
      },
    );
    assert.deepEqual(completions.map(({ ids }) => ids), continuations);
    assert.ok(completions.every(({ finish }) => finish === "length"));
  });

for (const name of ["llama_untied", "llama_tied"]) {
  onGpu(
    `generateBatch() continues greedily as transformers does with ${name}`,
    Effect.gen(function* () {
      const { shape, weights, base } = yield* openGolden(name);
      const decoder = yield* loadDecoder(llama, shape, weights);
      yield* assertContinues({ decoder }, base);
    }).pipe(Effect.provide(platform)),
  );

  onGpu(
    `generateBatch() continues greedily as PEFT does with an adapter on ${name}`,
    Effect.gen(function* () {
      const golden = yield* openGolden(name);
      const adapter = yield* adaptedGolden(golden);
      yield* assertContinues({ decoder: adapter.decoder, adapter }, golden.lora);
    }).pipe(Effect.provide(platform)),
  );
}

onGpu(
  "generateBatch() ends each answer before its first stop id",
  Effect.gen(function* () {
    const { shape, weights, base: { sequences, greedy: { continuations } } } = yield* openGolden(
      "llama_tied",
    );
    const decoder = yield* loadDecoder(llama, shape, weights);
    const stopIds = [continuations[0]![2]!, continuations[1]![0]!];
    const completions = yield* generateBatch(
      { decoder },
      sequences.map(({ ids }, seed) => ({ ids, seed })),
      { temperature: 0, topP: 1, maxNewTokens: 7, stopIds, valid: shape.vocab },
    );
    for (const [index, { ids, finish }] of completions.entries()) {
      const all = continuations[index]!.slice(0, 7);
      const end = all.findIndex((id) => stopIds.includes(id));
      assert.deepEqual(ids, end < 0 ? all : all.slice(0, end));
      assert.equal(finish, end < 0 ? "length" : "stop");
    }
    assert.ok(completions.some(({ finish }) => finish === "stop"));
  }).pipe(Effect.provide(platform)),
);
