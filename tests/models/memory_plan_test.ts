import assert from "node:assert/strict";
import { Effect } from "effect";
import { pack } from "../../src/data/batch.ts";
import { generateBatch } from "../../src/generation/generate.ts";
import { Gpu, openGpu } from "../../src/gpu/gpu.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { planMemory, type PlannedRun } from "../../src/models/memory_plan.ts";
import { openModel } from "../../src/models/open_model.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { mergeWhereSmall } from "../../src/nn/merge.ts";
import { platform } from "../../src/platform.ts";
import { trainStep } from "../../src/training/step.ts";
import { tinyOptions } from "../training/tiny.ts";

const prompt = 64;
const made = 16;
const examples = 16;
const answers = 8;

const works = [
  "generation",
  "checkpointed step",
  "generation of a trained adapter",
  "step without dropout",
  "step",
] as const;

type Work = typeof works[number];

/** The planned and the measured peak of a step on 16 examples of 64 tokens, of 8 answers, or of both. */
const peaks = (
  storage: PlannedRun["storage"],
  work: Work,
) =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { architecture, shape, weights } = yield* openModel("fixtures/base");
    const linears = architecture.linears(shape, 0);
    const targetModules = linears.flatMap(({ parts }) => parts.map(({ module }) => module));
    const dropout = work === "step without dropout" ? 0 : 0.05;
    const lora = { rank: 8, alpha: 16, dropout, rsLora: false, targetModules };
    const newIds = [shape.vocab - 1];
    const base = yield* loadDecoder(architecture, shape, weights, { storage, newIds });
    const trains = work !== "generation";
    const answersAfter = work === "generation of a trained adapter";
    const adapter = yield* makeAdapter(base, lora, 1, {
      rows: { ids: newIds, input: new Float32Array(shape.hidden), trained: trains },
      trainable: trains,
    });
    const { decoder, parameters } = adapter;
    const ids = Array.from({ length: prompt }, (_, i) => 5 + i);
    const gradientCheckpointing = work === "checkpointed step" || answersAfter;
    if (trains) {
      const example = { ids, supervised: ids.map(() => true) };
      const ring = yield* gpu.allocate([2]);
      yield* trainStep(
        { decoder, parameters, adapter },
        { ...tinyOptions, gradientCheckpointing },
        [pack(Array.from({ length: examples }, () => example), 32)],
        1e-3,
        0,
        { ring, slot: 0 },
      );
    }
    const batch = answersAfter ? 8 * answers : trains ? 0 : answers;
    if (batch > 0) {
      const prompts = Array.from({ length: batch }, (_, seed) => ({ ids, seed }));
      const sampling = { temperature: 1, topP: 0.9, maxNewTokens: made, stopIds: [] };
      const subject = answersAfter ? yield* mergeWhereSmall(adapter) : { decoder, adapter };
      yield* generateBatch(subject, prompts, { ...sampling, valid: shape.vocab });
    }
    yield* gpu.finish;
    const plan = planMemory(architecture, shape, {
      ...{ storage, lora, gradientCheckpointing, newTokens: 1 },
      trainedTokens: trains ? examples * prompt : 0,
      generated: { batch, tokens: prompt + made, prompt },
    });
    return { planned: plan.total, measured: gpu.peakBytes() };
  }));

for (const work of works) {
  Deno.test(`planMemory() is within a tenth of the measured peak of a ${work}`, async () => {
    for (const storage of ["q8", "f32"] as const) {
      const gpu = await openGpu(); // of its own: what the peak is of
      try {
        const measuring = peaks(storage, work).pipe(
          Effect.provide(platform),
          Effect.provideService(Gpu, gpu),
        );
        const { planned, measured } = await Effect.runPromise(measuring);
        const off = planned / measured - 1;
        assert.ok(Math.abs(off) < 0.1, `${storage}: ${off.toFixed(3)} off`);
      } finally {
        gpu.close();
      }
    }
  });
}
