import assert from "node:assert/strict";
import { Effect } from "effect";
import { generateBatch } from "../../src/generation/generate.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { platform } from "../../src/platform.ts";
import { onGpu } from "../support/on_gpu.ts";
import { openGolden } from "./golden.ts";

onGpu(
  "generateBatch() ends each answer before its first stop id",
  Effect.gen(function* () {
    const { architecture, shape, weights, base } = yield* openGolden("llama_tied");
    const { sequences, greedy: { continuations } } = base;
    const decoder = yield* loadDecoder(architecture, shape, weights);
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
