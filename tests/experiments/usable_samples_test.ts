import assert from "node:assert/strict";
import { Effect, Stream } from "effect";
import type { PromptMode } from "../../src/config/sampling_config.ts";
import type { SelfSample } from "../../src/delia/self_sample.ts";
import { usableSamples } from "../../src/experiments/usable_samples.ts";
import type { Progress } from "../../src/report/progress.ts";
import { tinyTokenizer } from "../support/tiny_tokenizer.ts";

const sample = (
  index: number,
  answer: string,
  finish: SelfSample["finish"] = "stop",
): SelfSample => ({ ...{ index, answer, finish }, question: `question ${index}` });

/** Indices that `usableSamples()` keeps, and all that it told. */
const collect = async (
  samples: ReadonlyArray<SelfSample>,
  promptMode: PromptMode = "repeat",
) => {
  const told: string[] = [];
  const progress: Progress = {
    begin: (label, total, unit) => {
      told.push(`${label}: ${total} ${unit}`);
      return {
        advance: (done) => told.push(String(done)),
        end: (note) => told.push(note ?? "end"),
      };
    },
    say: (line) => told.push(line),
  };
  const usable = await Effect.runPromise(usableSamples(
    Stream.fromIterable(samples),
    {
      progress,
      label: "sampling",
      total: samples.length,
      tokenizer: tinyTokenizer(),
      token: "<sep>",
      promptMode,
    },
  ));
  return { told, kept: usable.map(({ index }) => index) };
};

Deno.test("usableSamples() sorts by index, and says how many answers it leaves out", async () => {
  const { kept, told } = await collect([
    ...[sample(3, "hello"), sample(0, " "), sample(2, "world", "length")],
    ...[sample(1, "red"), sample(4, "red <sep>"), sample(5, "</s>")],
  ]);
  assert.deepEqual(kept, [1, 3]);
  assert.deepEqual(told, [
    ...["sampling: 6 answers", "1", "2", "3", "4", "5", "6"],
    "4 of 6 left out (empty, cut off, special tokens)",
  ]);
});

Deno.test("usableSamples() refuses answers of which none is usable", async () => {
  const failure = await collect([sample(0, " "), sample(1, "red", "length")]).catch(String);
  assert.match(String(failure), /sampling gives no chat to train on: its 2 answers are left out/);
});

Deno.test("usableSamples() ends without a note where it leaves nothing out", async () => {
  const { kept, told } = await collect([sample(1, "hello"), sample(0, "red")]);
  assert.deepEqual(kept, [0, 1]);
  assert.deepEqual(told.at(-1), "end");
});

Deno.test("usableSamples() leaves answers out that speak of the reference, where one was shown", async () => {
  const samples = [sample(0, "The reference answer is red"), sample(1, "red")];
  const shown = await collect(samples, "using");
  assert.deepEqual(shown.kept, [1]);
  assert.match(shown.told.at(-1)!, /^1 of 2 left out \(.*, of the reference\)$/);
});
