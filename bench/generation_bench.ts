/** Answers to 256 prompts of the miniature world: refilled slots, and batches that wait for their longest. @module */
import { Effect, Scope, Stream } from "effect";
import { testSets } from "../fixtures/world/test_sets.ts";
import { generate } from "../src/generation/generate.ts";
import { allocateKvCache } from "../src/generation/kv_cache.ts";
import { isDone, type Row } from "../src/generation/row.ts";
import type { Decoding, Prompt } from "../src/generation/sampler.ts";
import { prepareStep } from "../src/generation/step.ts";
import { Gpu } from "../src/gpu/gpu.ts";
import { type LoadedModel, loadModel } from "../src/models/load_model.ts";
import { platform } from "../src/platform.ts";
import { benchGpu } from "./support/bench_ops.ts";

const count = 256;

interface Task {
  readonly model: LoadedModel;
  readonly prompts: ReadonlyArray<Prompt>;
  readonly decoding: Decoding;
}

const open = Effect.gen(function* () {
  const model = yield* loadModel("fixtures/base");
  const { tokenizer, stopIds, valid } = model;
  // The base has no token for the format: prompts that name it are left out.
  const items = Object.values(testSets(42, count)).flat()
    .filter(({ messages }) => messages.every(({ content }) => !content.includes("<sep>")));
  const prompts = yield* Effect.forEach(items.slice(0, count), ({ messages }) =>
    Effect.map(
      tokenizer!.render(messages, { addGenerationPrompt: true }),
      ({ ids }): Prompt => ({ ids, seed: 0 }),
    ));
  const decoding = { temperature: 0, topP: 1, maxNewTokens: 48, stopIds, valid };
  return { model, prompts, decoding };
});

const refilled = ({ model, prompts, decoding }: Task, slots: number) =>
  Stream.runDrain(generate(model.subject, prompts, decoding, { slots }));

// The loop that many programs have: a batch runs until its longest answer ends, every step takes all its
// rows, and every token is waited for as WebGPU has it, which in Deno takes 10 ms more.
const inBatches = ({ model: { subject }, prompts, decoding }: Task, slots: number) =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const capacity = Math.max(...prompts.map(({ ids }) => ids.length)) + decoding.maxNewTokens;
    const cache = yield* allocateKvCache(subject.decoder.shape, slots, capacity);
    const step = yield* prepareStep(subject, cache, decoding, { mostRows: slots });
    for (let from = 0; from < prompts.length; from += slots) {
      const rows = prompts.slice(from, from + slots).map((prompt, slot): Row => ({
        ...{ index: from + slot, prompt, slot, ids: [], logProbabilities: [] },
      }));
      let admitted = rows;
      while (!rows.every((row) => isDone(row, decoding))) {
        yield* step(rows.map((row) => isDone(row, decoding) ? copyOf(row) : row), admitted);
        yield* gpu.finish;
        admitted = [];
      }
    }
  }));

// What is drawn for it is dropped.
const copyOf = (row: Row): Row => ({
  ...row,
  ids: row.ids.slice(0, -1),
  logProbabilities: row.logProbabilities.slice(0, -1),
});

let opened: Promise<Task> | undefined;

const run = async <E>(effect: Effect.Effect<void, E, Gpu>): Promise<void> => {
  const gpu = await benchGpu;
  await Effect.runPromise(Effect.provideService(Effect.andThen(effect, gpu.finish), Gpu, gpu));
};

const openOnce = async (): Promise<Task> => {
  const gpu = await benchGpu;
  const scope = Effect.runSync(Scope.make()); // lives as long as the process
  return await Effect.runPromise(
    open.pipe(
      Effect.provide(platform),
      Effect.provideService(Gpu, gpu),
      Effect.provideService(Scope.Scope, scope),
    ),
  );
};

const loops = { "in batches, a read a token": inBatches, refilled } as const;

for (const slots of [16, 64, 256]) {
  for (const [name, answer] of Object.entries(loops)) {
    Deno.bench({
      name,
      group: `generation, ${count} prompts, ${slots} slots`,
      baseline: name !== "refilled",
      warmup: 1,
      n: 5,
      fn: async (timer) => {
        const task = await (opened ??= openOnce());
        timer.start();
        await run(answer(task, slots));
        timer.end();
      },
    });
  }
}
