import assert from "node:assert/strict";
import type { StorageChoice } from "../../src/models/choose_storage.ts";
import { memoryLines, type MemorySettings } from "../../src/report/memory_text.ts";

const mebibyte = 2 ** 20;
const plan = {
  ...{ weights: 400, unpacked: 0, adapter: 20, optimizer: 20, merged: 0, activations: 300 },
  ...{ prompts: 100, logits: 50, cache: 200, total: 800 },
};
const choice: StorageChoice = {
  storage: "f32",
  run: {
    newTokens: 1,
    trainedTokens: 4 * 128,
    gradientCheckpointing: false,
    generated: { batch: 32, tokens: 160, prompt: 128 },
  },
  plan: Object.fromEntries(
    Object.entries(plan).map(([name, size]) => [name, size * mebibyte]),
  ) as typeof plan,
  budget: 100 * mebibyte,
};
const settings: MemorySettings = {
  training: { batchSize: 4, accumulationSteps: 2 },
  sampling: { batchSize: 32 },
};

/** What is suggested, `path=value` each. */
const suggested = (some: StorageChoice, given?: MemorySettings): ReadonlyArray<string> =>
  memoryLines(some, given).slice(2).flatMap((line) => line.match(/[\w.]+=\w+/g) ?? []);

Deno.test("memoryLines() is one line where the plan fits, or nobody knows the budget", () => {
  const [line, ...rest] = memoryLines({ ...choice, budget: 2 ** 40 }, settings);
  assert.match(line!, /^GPU memory: up to 800 MiB of 1\.0 TiB \(weights 400 MiB as f32, adapter /);
  assert.deepEqual(rest, []);
  assert.equal(memoryLines({ ...choice, budget: undefined }, settings).length, 1);
});

Deno.test("memoryLines() suggests less than what is set, derived from it", () => {
  assert.deepEqual(suggested(choice, settings), [
    "training.gradientCheckpointing=true",
    "training.batchSize=1",
    "training.accumulationSteps=8",
    "training.maxTokens=64",
    "sampling.batchSize=4",
    "model.storage=q8",
  ]);
  const { run } = choice;
  const generated = { ...run.generated, batch: 1_000_000 };
  assert.ok(
    suggested({ ...choice, run: { ...run, generated } }, settings).includes(
      "sampling.batchSize=125000",
    ),
  );
});

Deno.test("memoryLines() suggests nothing that is there already, or that the verb does not take", () => {
  const least: StorageChoice = {
    ...choice,
    storage: "q8",
    run: {
      ...{ newTokens: 1, trainedTokens: 2, gradientCheckpointing: true },
      generated: { batch: 1, tokens: 3, prompt: 2 },
    },
  };
  const one = { training: { batchSize: 1, accumulationSteps: 1 }, sampling: { batchSize: 1 } };
  assert.deepEqual(suggested(least, one), ["training.maxTokens=1"]);
  const running = { ...choice.run, trainedTokens: 0 };
  assert.deepEqual(suggested({ ...choice, run: running }), [
    "model.positions=80",
    "model.storage=q8",
  ]);
  assert.deepEqual(suggested({ ...choice, run: running }, { sampling: { batchSize: 32 } }), [
    "sampling.batchSize=4",
    "model.positions=80",
    "model.storage=q8",
  ]);
});
