import assert from "node:assert/strict";
import { Effect, Stream } from "effect";
import { logitsAt } from "../../src/evaluation/logits_at.ts";
import { generate, generateBatch } from "../../src/generation/generate.ts";
import type { Completion, Decoding, Prompt } from "../../src/generation/sampler.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { promptTokens } from "../../src/models/memory_plan.ts";
import type { Subject } from "../../src/nn/adapter.ts";
import { platform } from "../../src/platform.ts";
import { openGolden } from "../models/golden.ts";
import { inOrder } from "../support/in_order.ts";
import { onGpu } from "../support/on_gpu.ts";

// A small random model and prompts of 1 to 9 tokens. Random models seldom stop, so that a tenth of the
// ids end an answer: answers come in all lengths.
const opened = Effect.gen(function* () {
  const { architecture, shape, weights, base } = yield* openGolden("llama_tied");
  const subject: Subject = { decoder: yield* loadDecoder(architecture, shape, weights) };
  const words = base.sequences.flatMap(({ ids }) => ids);
  const prompts = Array.from({ length: 13 }, (_, index): Prompt => ({
    ids: words.slice(index, index + 1 + 5 * index % 9),
    seed: 100 + index,
  }));
  const stopIds = Array.from({ length: shape.vocab }, (_, id) => id).filter((id) => id % 10 === 3);
  const decoding = { temperature: 1.2, topP: 0.95, maxNewTokens: 21, stopIds, valid: shape.vocab };
  return { subject, prompts, decoding };
});

// Reads the whole sequence again for every token, without a cache.
const greedyAfresh = (subject: Subject, { ids }: Prompt, { maxNewTokens, stopIds }: Decoding) =>
  Effect.gen(function* () {
    const answer: number[] = [];
    while (answer.length < maxNewTokens) {
      const sequence = [...ids, ...answer];
      const [logits] = yield* logitsAt(subject, [{ ids: sequence, at: sequence.length - 1 }]);
      const id = logits!.indexOf(logits!.reduce((x, y) => Math.max(x, y)));
      if (stopIds.includes(id)) break;
      answer.push(id);
    }
    return answer;
  });

onGpu(
  "generate() continues greedily as reading every sequence afresh does, with fewer slots than prompts",
  Effect.gen(function* () {
    const { subject, prompts, decoding } = yield* opened;
    const greedy = { ...decoding, temperature: 0 };
    const answers = yield* inOrder(generate(subject, prompts, greedy, { slots: 4 }));
    assert.deepEqual(answers.map(({ index }) => index), prompts.map((_, index) => index));
    for (const [index, prompt] of prompts.entries()) {
      const expected = yield* greedyAfresh(subject, prompt, greedy);
      assert.deepEqual(answers[index]!.ids, expected, `prompt ${index}`);
      assert.equal(answers[index]!.finish, expected.length < 21 ? "stop" : "length");
    }
    const lengths = new Set(answers.map(({ ids }) => ids.length));
    assert.ok(lengths.size > 4, `answers of only ${[...lengths]} tokens`);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "generate() draws the same answers whatever the number of slots",
  Effect.gen(function* () {
    const { subject, prompts, decoding } = yield* opened;
    const together = yield* generateBatch(subject, prompts, decoding);
    for (const slots of [1, 3, 8]) {
      const inTurn = yield* inOrder(generate(subject, prompts, decoding, { slots }));
      const drawn = (answers: ReadonlyArray<Completion>) =>
        answers.map(({ index, ids, finish }) => ({ index, ids, finish }));
      assert.deepEqual(drawn(inTurn), drawn(together), `${slots} slots`);
      for (const [index, { logProbabilities }] of together.entries()) {
        const others = inTurn[index]!.logProbabilities;
        assert.equal(others.length, logProbabilities.length);
        logProbabilities.forEach((value, at) => assert.ok(Math.abs(value - others[at]!) < 1e-5));
      }
    }
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "generate() reads prompts of more tokens than a submission takes as it reads a few",
  Effect.gen(function* () {
    const { subject, prompts, decoding } = yield* opened;
    const words = prompts.flatMap(({ ids }) => ids);
    const length = Math.min(40, subject.decoder.positions - 3);
    const many = Array.from({ length: Math.ceil(1.3 * promptTokens / length) }, (_, index) => ({
      ids: Array.from({ length }, (_, at) => words[(index + at * (1 + index % 5)) % words.length]!),
      seed: index,
    }));
    const few = { ...decoding, maxNewTokens: 3 };
    const answers = yield* generateBatch(subject, many, few);
    const inTurn = yield* inOrder(generate(subject, many, few, { slots: 30 }));
    assert.deepEqual(answers.map(({ ids }) => ids), inTurn.map(({ ids }) => ids));
    assert.ok(new Set(answers.map(({ ids }) => `${ids}`)).size > 20);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "generate() gives an answer as soon as it ends, and takes the next prompt in its place",
  Effect.gen(function* () {
    const { subject, prompts, decoding } = yield* opened;
    const open: (readonly [found: number, expected: number])[] = [];
    const ended: number[] = [];
    const note = (found: number) => open.push([found, Math.min(3, prompts.length - ended.length)]);
    yield* generate(subject, prompts, decoding, {
      slots: 3,
      onTokens: (answers) => Effect.sync(() => void note(answers.length)),
    }).pipe(Stream.runForEach(({ index }) => Effect.sync(() => void ended.push(index))));
    assert.deepEqual(ended.toSorted((a, b) => a - b), prompts.map((_, index) => index));
    assert.notDeepEqual(ended, prompts.map((_, index) => index));
    assert.ok(open.length > prompts.length);
    for (const [found, expected] of open) assert.equal(found, expected);
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "generate() answers no prompts by nothing, and refuses one without tokens or past the positions",
  Effect.gen(function* () {
    const { subject, prompts, decoding } = yield* opened;
    assert.deepEqual(yield* inOrder(generate(subject, [], decoding)), []);
    const long = { ...decoding, maxNewTokens: subject.decoder.positions };
    const error = yield* Effect.flip(inOrder(generate(subject, prompts, long)));
    assert.match(error.message, /positions/);
    const holed = [...prompts.slice(0, 2), { ids: [], seed: 1 }];
    const { message } = yield* Effect.flip(inOrder(generate(subject, holed, decoding)));
    assert.equal(message, "Prompt 2 has no tokens: an answer goes on from at least one");
  }).pipe(Effect.provide(platform)),
);
