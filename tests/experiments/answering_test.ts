import assert from "node:assert/strict";
import { Effect, Stream } from "effect";
import { downstreamExamples } from "../../fixtures/world/downstream.ts";
import { testSets } from "../../fixtures/world/test_sets.ts";
import type { Chat } from "../../src/data/chat.ts";
import { readTokenizer } from "../../src/data/tokenizer_files.ts";
import {
  type AnswerChats,
  type Answerer,
  greedy,
  plainAnswers,
  promptIds,
} from "../../src/experiments/answering.ts";
import {
  arithmeticAnswers,
  chooseLambda,
  formulas,
} from "../../src/experiments/arithmetic_answers.ts";
import { drawShots, inContextAnswers } from "../../src/experiments/in_context_answers.ts";
import { putInto } from "../../src/experiments/prompt_context.ts";
import { programOf } from "../../src/generation/formula.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { openModel } from "../../src/models/open_model.ts";
import { platform } from "../../src/platform.ts";
import { onGpu } from "../support/on_gpu.ts";
import { tinyTokenizer } from "../support/tiny_tokenizer.ts";

const user = (content: string) => ({ role: "user", content }) as const;
const assistant = (content: string) => ({ role: "assistant", content }) as const;
const system = (content: string) => ({ role: "system", content }) as const;

Deno.test("putInto() adds a system message or a clause, and leaves other turns alone", () => {
  const turns = [user("hello"), assistant("world"), user("what is red")];
  const use = { _tag: "System", text: "use json ." } as const;
  assert.deepEqual(putInto({ _tag: "Nothing" }, turns), turns);
  assert.deepEqual(putInto(use, turns), [system("use json ."), ...turns]);
  assert.deepEqual(putInto(use, [system("hello ."), user("red")]), [
    system("hello . use json ."),
    user("red"),
  ]);
  assert.deepEqual(putInto({ _tag: "Clause", text: "use json ." }, turns), [
    ...turns.slice(0, 2),
    user("what is red use json ."),
  ]);
});

const chats: ReadonlyArray<Chat> = Array.from({ length: 10 }, (_, i) => ({
  messages: [user(`hello ${i}`), assistant(`world ${i}`)],
}));

Deno.test("drawShots() draws by its seed, whole chats, more of them after fewer", () => {
  const four = drawShots(chats, 4, 7);
  assert.deepEqual(four.map(({ role }) => role), Array(4).fill(["user", "assistant"]).flat());
  assert.deepEqual(drawShots(chats, 2, 7), four.slice(0, 4));
  assert.notDeepEqual(drawShots(chats, 4, 8), four);
  assert.equal(new Set(four.map(({ content }) => content)).size, 8);
  assert.throws(() => drawShots(chats, 11, 7), /at most 10 demonstrations but found 11/);
});

Deno.test("drawShots() renders as turns of a chat before the prompt", async () => {
  const tokenizer = tinyTokenizer();
  const shots = drawShots([{ messages: [user("use json"), assistant("red")] }], 1, 0);
  const ids = await Effect.runPromise(promptIds(tokenizer, [...shots, user("what is red")]));
  assert.equal(
    tokenizer.decode(ids),
    "<s> <user> use json <assistant> red </s> <user> what is red <assistant>",
  );
});

// Answers the first `count` chats of a λ rightly.
const canned =
  (right: Readonly<Record<number, number>>) => (lambda: number): AnswerChats => (asked) =>
    Stream.fromIterable(asked.map((turns, index) => {
      assert.equal(turns.at(-1)!.role, "user", "the answer is not shown");
      const ids = tinyTokenizer().encode(index < right[lambda]! ? "red" : "hello");
      return { index, ids, logProbabilities: [], finish: "stop" } as const;
    }));

onGpu(
  "chooseLambda() takes the λ that answers most of the dev chats, the smallest of equals",
  Effect.gen(function* () {
    const tokenizer = tinyTokenizer();
    const dev = Array.from({ length: 4 }, () => ({ messages: [user("what"), assistant("red")] }));
    const choose = (right: Readonly<Record<number, number>>) =>
      chooseLambda(
        Object.keys(right).map(Number).toReversed(),
        canned(right),
        dev,
        { tokenizer },
        greedy(tokenizer, 4),
      );
    assert.deepEqual(yield* choose({ 0.2: 1, 0.6: 3, 1: 3, 1.5: 2 }), {
      lambda: 0.6,
      devExact: 0.75,
    });
    assert.deepEqual(yield* choose({ 0.2: 0, 1.5: 0 }), { lambda: 0.2, devExact: 0 });
  }),
);

Deno.test("formulas hold at every λ that a recipe may choose", () => {
  for (const lambda of [0.2, 0.6, 1, 1.5]) {
    programOf(formulas.f1(lambda));
    programOf(formulas.f2(lambda));
  }
  programOf(formulas.f3(0.6));
  assert.throws(() => programOf(formulas.f3(1)), /weight above 0/);
});

const fixture = Effect.gen(function* () {
  const { tokenizer, ids } = (yield* readTokenizer("fixtures/base")).withTokens(["<sep>"]);
  const { architecture, shape, weights } = yield* openModel("fixtures/base");
  const decoder = yield* loadDecoder(architecture, shape, weights, { newIds: ids });
  const answerer: Answerer = { subject: { decoder }, tokenizer, batchSize: 16 };
  const asked = testSets(3, 6).t4_no_token.map(({ messages }) => messages);
  return { answerer, asked, decoding: greedy(tokenizer, 40) };
});

const contexts = {
  wanted: { _tag: "System", text: "answer in json with a thought ." },
  plain: { _tag: "System", text: "answer in plain ." },
} as const;

const collected = (answers: AnswerChats, ...[asked, decoding]: Parameters<AnswerChats>) =>
  Stream.runCollect(answers(asked, decoding)).pipe(
    Effect.map((all) => all.toSorted((a, b) => a.index - b.index)),
  );

onGpu(
  "arithmeticAnswers() at λ = 0 answers as the base does, and at 1 as the base that is told",
  Effect.gen(function* () {
    const { answerer, asked, decoding } = yield* fixture;
    const plain = yield* collected(plainAnswers(answerer), asked, decoding);
    const told = yield* collected(
      plainAnswers(answerer),
      asked.map((turns) => putInto(contexts.wanted, turns)),
      decoding,
    );
    const withLambda = (lambda: number) =>
      collected(arithmeticAnswers(answerer, contexts, formulas.f1(lambda)), asked, decoding);
    const idsOf = (completions: typeof plain) => completions.map(({ ids }) => ids);
    assert.deepEqual(idsOf(yield* withLambda(0)), idsOf(plain));
    assert.deepEqual(idsOf(yield* withLambda(1)), idsOf(told));
    assert.notDeepEqual(idsOf(told), idsOf(plain));
  }).pipe(Effect.provide(platform)),
);

onGpu(
  "inContextAnswers() says before it generates that demonstrations do not fit",
  Effect.gen(function* () {
    const { answerer, asked, decoding } = yield* fixture;
    const shots = (count: number) => drawShots(downstreamExamples(3), count, 3);
    const answers = yield* inContextAnswers(answerer, shots(1), asked, decoding.maxNewTokens);
    const completions = yield* collected(answers, asked, decoding);
    assert.equal(completions.length, asked.length);
    const tooMany = inContextAnswers(answerer, shots(4), asked, decoding.maxNewTokens);
    const { message } = yield* Effect.flip(tooMany);
    assert.match(
      message,
      /^4 demonstrations, a prompt and its answer need 2\d\d positions but the model has 256: show fewer$/,
    );
  }).pipe(Effect.provide(platform)),
);
