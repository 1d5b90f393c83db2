/** Data of the user's own as an experiment needs them: contexts, phrasings and tests, nothing leaked. @module */
import { Effect, Result } from "effect";
import type { Chat } from "../data/chat.ts";
import { DataError } from "../data/data_error.ts";
import { permutation } from "../delia/pcg64.ts";
import { dataOverlap } from "../evaluation/data_overlap.ts";
import { type AnswerFormat, labelOf } from "../evaluation/metrics/formatted_text.ts";
import { randomBits } from "../gpu/random.ts";
import { answerFormat } from "./answer_format.ts";
import { type OwnTest, ownTests } from "./own_tests.ts";
import { type PromptParts, splitPrompt } from "./prompt_parts.ts";
import type { PromptSets } from "./run_data.ts";
import { anchorTask } from "./task_anchor.ts";

/** What the files hold. */
export interface OwnFiles {
  readonly downstream: ReadonlyArray<Chat>;
  readonly test: ReadonlyArray<Chat>;
  /** Phrasings to train on; those of the downstream file unless given. */
  readonly phrasings?: ReadonlyArray<string>;
  /** Phrasings to test with; a fifth of those to train on unless given. */
  readonly heldOut?: ReadonlyArray<string>;
}

/** How the files are read. */
export interface OwnOptions {
  readonly token: string;
  readonly seed: number;
  /** Downstream examples, and prompts of each test, at most. */
  readonly downstreamItems: number;
  readonly testItems: number;
  /** Text of a test prompt behind which the context begins, where it does not hold the token. */
  readonly contextAfter?: string;
  /** Sentence that forbids the format. */
  readonly negation?: string;
  /** Text before every prompt of the task. */
  readonly anchor?: string;
}

/** Downstream examples and tests for one seed. */
export interface OwnData {
  readonly format: AnswerFormat;
  readonly diversified: ReadonlyArray<Chat>;
  /** The same contexts, always in the first phrasing. */
  readonly one: ReadonlyArray<Chat>;
  /** The same contexts in the phrasings of the tests. */
  readonly leaked: ReadonlyArray<Chat>;
  readonly sets: PromptSets;
  /** Test contexts in held-out phrasings, with the answers that are in the format. */
  readonly heldOut: ReadonlyArray<Chat>;
  /** What was done with the files, a sentence each. */
  readonly notes: ReadonlyArray<string>;
}

interface Parts extends PromptParts {
  readonly answer: string;
}

/** Of a test text's 8-grams, the share in one training text from which on it is left out. */
const containment = 0.8;

/** Keeps the draw of held-out phrasings from that of examples. */
const apart = 0x70687261;

/** Examples whose loss is followed, at most. */
const followed = 64;

/** Plans the data of a seed. Fails naming file and line. */
export const ownData = (
  files: OwnFiles,
  options: OwnOptions,
): Effect.Effect<OwnData, DataError> =>
  Effect.fromResult(Result.gen(function* () {
    const { token, seed, downstreamItems, testItems, anchor } = options;
    const all = yield* each(files.downstream, (chat) => partsOf(chat, token));
    const format = yield* formatOf(files.downstream);
    const order = permutation(all.length, seed);
    const chosen = Array.from(order.subarray(0, downstreamItems), (index) => all[index]!);
    const tests = yield* each(files.test, (chat) => testParts(chat, format, options));
    const { training, testing } = yield* splitPhrasings(files, all, options);
    const overlap = dataOverlap(
      chosen.map(({ context }) => ({ context, phrasing: "" })),
      tests.map(({ context }) => ({ context, phrasing: "" })),
      { containment },
    );
    const left = new Set(overlap.contexts.test);
    const kept = tests.filter((_, index) => !left.has(index));
    const drawn = Array.from(permutation(kept.length, seed), (index) => kept[index]!);
    if (drawn.length === 0) {
      return yield* wrong(files.test[0], "no context that training has not seen: give others");
    }
    const allowed = new Set(training);
    const taskChat = (question: string, answer: string): Chat =>
      anchorTask(chatOf(question, answer), anchor);
    const worded = (phrasingOf: (parts: Parts, index: number) => string): ReadonlyArray<Chat> =>
      chosen.map((parts, index) =>
        taskChat(parts.join(parts.context, phrasingOf(parts, index)), parts.answer)
      );
    const layout = all[0]!;
    const asked = (context: string, index: number): string =>
      layout.join(context, testing[index % testing.length]!);
    const some = drawn.slice(0, testItems);
    const reference = drawn.filter(({ answer }) => labelOf(answer, format) !== undefined);
    return {
      format,
      diversified: worded(({ phrasing }, index) =>
        files.phrasings === undefined && allowed.has(phrasing)
          ? phrasing
          : training[index % training.length]!
      ),
      one: worded(() => training[0]!),
      leaked: worded((_, index) => testing[index % testing.length]!),
      sets: ownTests(some, {
        ...{ token, layout, testing, format },
        ...options.negation === undefined ? {} : { negation: options.negation },
        ...anchor === undefined ? {} : { anchor },
      }),
      heldOut: reference.slice(0, followed).map(({ context, answer }, index) =>
        taskChat(asked(context, index), answer)
      ),
      notes: [
        `Downstream: ${chosen.length} of ${all.length} examples in ${training.length} phrasings; ` +
        `answers are objects with the keys ${
          format.keys.join(", ")
        }, labelled by ${format.label} ` +
        `(${format.labels.join(", ")}).`,
        ...chosen.length < downstreamItems
          ? [`${downstreamItems} downstream examples were asked for; there are no more.`]
          : [],
        `Tests: ${some.length} of ${tests.length} contexts in ${testing.length} phrasings that are ` +
        `not trained on; ${left.size} contexts left out that are in the training data.`,
        "An answer is as wanted where an object can be read from it (T1, T6), or none can (T3, T4). " +
        "T3 forbids the format, T4 leaves the token out; T2 and T5 need other tasks and are missing.",
      ],
    };
  }));

type Checked<A> = Result.Result<A, DataError>;

const wrong = (chat: Chat | undefined, report: string): Result.Result<never, DataError> =>
  Result.fail(
    new DataError({ reason: { _tag: "BadChat", report, ...chat?.at ? { at: chat.at } : {} } }),
  );

const each = <A>(
  chats: ReadonlyArray<Chat>,
  read: (chat: Chat) => Checked<A>,
): Checked<ReadonlyArray<A>> => Result.all(chats.map(read));

const chatOf = (question: string, answer: string): Chat => ({
  messages: [{ role: "user", content: question }, { role: "assistant", content: answer }],
});

const questionAndAnswer = (chat: Chat): Checked<readonly [question: string, answer: string]> => {
  const [user, assistant] = chat.messages;
  return chat.messages.map(({ role }) => role).join() === "user,assistant"
    ? Result.succeed([user!.content, assistant!.content])
    : wrong(chat, "other turns than a question and its answer");
};

const partsOf = (chat: Chat, token: string): Checked<Parts> =>
  Result.flatMap(questionAndAnswer(chat), ([question, answer]) => {
    const parts = splitPrompt(question, token);
    return parts ? Result.succeed({ ...parts, answer }) : wrong(
      chat,
      `a question whose first or last paragraph is not its instruction with ${token}: set the ` +
        "instruction apart from the context by an empty line",
    );
  });

const formatOf = (chats: ReadonlyArray<Chat>): Checked<AnswerFormat> =>
  Result.orElse(
    answerFormat(chats.map(({ messages }) => messages.at(-1)!.content)),
    ({ index, report }) => wrong(index === undefined ? undefined : chats[index], report),
  );

const testParts = (
  chat: Chat,
  format: AnswerFormat,
  { token, contextAfter }: OwnOptions,
): Checked<OwnTest> =>
  Result.flatMap(questionAndAnswer(chat), ([question, answer]) => {
    const said = answer.trim();
    const gold = format.labels.includes(said) ? said : labelOf(answer, format);
    if (gold === undefined) {
      const labels = format.labels.join(", ");
      return wrong(chat, `an answer that is neither a label (${labels}) nor an object with one`);
    }
    const parts = splitPrompt(question, token);
    if (parts) return Result.succeed({ context: parts.context, answer, gold });
    const at = contextAfter === undefined ? -1 : question.indexOf(contextAfter);
    const context = question.slice(at + (contextAfter ?? "").length).trim();
    return at < 0 || context === ""
      ? wrong(
        chat,
        `a question without an instruction with ${token}: set data.contextAfter to the text ` +
          "behind which its context begins",
      )
      : Result.succeed({ context, answer, gold, own: question });
  });

/** The share of the phrasings that is kept for the tests where no others are given. */
const keptShare = 0.2;

const splitPhrasings = (
  { phrasings, heldOut, downstream }: OwnFiles,
  all: ReadonlyArray<Parts>,
  { seed }: OwnOptions,
): Checked<{
  readonly training: ReadonlyArray<string>;
  readonly testing: ReadonlyArray<string>;
}> => {
  const known = [...new Set(phrasings ?? all.map(({ phrasing }) => phrasing))];
  if (heldOut !== undefined) {
    const training = known.filter((phrasing) => !heldOut.includes(phrasing));
    return training.length > 0
      ? Result.succeed({ training, testing: heldOut })
      : wrong(downstream[0], "no phrasing that is not held out");
  }
  const kept = Math.ceil(keptShare * known.length);
  // By `seed` itself the examples are drawn: where each has a phrasing of its own, theirs would be held out.
  const order = Array.from(
    permutation(known.length, randomBits(seed, apart, 0)),
    (index) => known[index]!,
  );
  return known.length > 1
    ? Result.succeed({ training: order.slice(kept), testing: order.slice(0, kept) })
    : wrong(downstream[0], "one phrasing alone: give data.heldOutPhrasings to test with");
};
