/** The flags that several verbs share: one name, one meaning, one help text. @module */
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import type * as Argument from "effect/cli/Argument";
import * as Flag from "effect/cli/Flag";

/** A flag for each option of a verb, or an argument. */
export type Flags<Options> = {
  readonly [K in keyof Options]: Flag.Flag<Options[K]> | Argument.Argument<Options[K]>;
};

/** The flag's value, or undefined where it is not given. */
export const orUndefined = <A>(flag: Flag.Flag<A>): Flag.Flag<A | undefined> =>
  flag.pipe(Flag.optional, Flag.map(Option.getOrUndefined));

const text = (name: string, metavar: string, description: string): Flag.Flag<string> =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description));

/** A flag that names a file or a directory: not none, which would be the working directory. */
export const path = (name: string, metavar: string, description: string): Flag.Flag<string> =>
  text(name, metavar, description).pipe(Flag.filter((value) => value !== "", () => "a path"));

const whole = (name: string, least: number, description: string): Flag.Flag<number> =>
  Flag.Int(name).pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(description),
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(least))),
  );

const yes = (name: string, description: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false));

/** `--json` */
export const json: Flag.Flag<boolean> = yes("json", "Print exactly one JSON document on stdout");

/** `--logits` */
export const logits: Flag.Flag<boolean> = yes(
  "logits",
  "With --ids and --json: the logits of every position",
);

/** `--hidden` */
export const hidden: Flag.Flag<boolean> = yes(
  "hidden",
  "With --ids and --json: the residual stream after every block",
);

/** `--model DIR|NAME` */
export const model: Flag.Flag<string> = path(
  "model",
  "DIR|NAME",
  "Base model: a directory as Hugging Face writes it, or org/name[@revision] on its hub",
);

/** `--adapter DIR|NAME` */
export const adapter: Flag.Flag<string | undefined> = orUndefined(
  path("adapter", "DIR|NAME", "Adapter to apply: a directory in PEFT's layout, or one on the hub"),
);

/** `--adapter DIR|NAME`, where there must be one. */
export const adapterToMerge: Flag.Flag<string> = path(
  "adapter",
  "DIR|NAME",
  "Adapter to merge: a directory in PEFT's layout, or one on the hub",
);

/** `--data FILE` */
export const data: Flag.Flag<string> = path(
  "data",
  "FILE",
  'Chats, one JSON object a line: {"messages": [{"role", "content"}, …]}',
);

/** `--out PATH`; each verb says what it writes there. */
export const out = (metavar: string, description: string): Flag.Flag<string> =>
  path("out", metavar, description);

/** `--ids 1,2,3` */
export const ids: Flag.Flag<ReadonlyArray<number> | undefined> = orUndefined(
  text("ids", "1,2,3", "Token ids to start from").pipe(
    Flag.withSchema(Schema.String.check(Schema.isPattern(/^\d+(,\d+)*$/, {
      expected: "token ids, joined by commas",
    }))),
    Flag.map((list): ReadonlyArray<number> => list.split(",").map(Number)),
  ),
);

/** `--prompt TEXT` */
export const prompt: Flag.Flag<string | undefined> = orUndefined(
  text("prompt", "TEXT", "Text to go on from, without the chat template"),
);

/** `--chat FILE` */
export const chat: Flag.Flag<string | undefined> = orUndefined(
  path("chat", "FILE", 'A chat to answer: {"messages": [{"role", "content"}, …]}'),
);

/** `--system TEXT` */
export const system: Flag.Flag<string | undefined> = orUndefined(
  text("system", "TEXT", "System message that every chat begins with"),
);

/** `--max-new-tokens N`, `fallback` where it is not given. */
export const maxNewTokens = (fallback: number): Flag.Flag<number> =>
  whole("max-new-tokens", 1, `Tokens to generate at most (${fallback})`)
    .pipe(Flag.withDefault(fallback));

/** `--temperature T` */
export const temperature: Flag.Flag<number> = Flag.Finite("temperature").pipe(
  Flag.withMetavar("T"),
  Flag.withDescription("Divides the logits; 0, the default, is greedy"),
  Flag.withSchema(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
  Flag.withDefault(0),
);

/** `--top-p P` */
export const topP: Flag.Flag<number> = Flag.Finite("top-p").pipe(
  Flag.withMetavar("P"),
  Flag.withDescription("Draw from the fewest tokens that hold this share of the probability (1)"),
  Flag.withSchema(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1, exclusiveMinimum: true })),
  ),
  Flag.withDefault(1),
);

/** `--seed S` */
export const seed: Flag.Flag<number> = whole("seed", 0, "Seed of every random draw (42)").pipe(
  Flag.withDefault(42),
);

/** `--seeds N` */
export const seeds: Flag.Flag<number | undefined> = orUndefined(
  whole("seeds", 1, "Repetitions with seeds that follow each other"),
);

const settings = (description: string): Flag.Flag<ReadonlyArray<string>> =>
  text("set", "path=value", description).pipe(Flag.atLeast(0));

/** `--set path=value`, any number of times */
export const set: Flag.Flag<ReadonlyArray<string>> = settings(
  "One setting; may be repeated (optimizer.learningRate=1e-3)",
);

/** `--set model.path=value`, any number of times: how the model is held. */
export const setModel: Flag.Flag<ReadonlyArray<string>> = settings(
  "model.storage=auto|f32|f16|bf16|q8, model.positions=N or model.memory=GiB; may be repeated",
);

/** `--prompts FILE` */
export const prompts: Flag.Flag<string> = path(
  "prompts",
  "FILE",
  "Chats of a question and perhaps a reference answer, JSONL; without it the miniature world's",
);

/** `--instruction TEXT` */
export const instruction: Flag.Flag<string | undefined> = orUndefined(
  text("instruction", "TEXT", "Instruction to phrase; without it the miniature world's"),
);

/** `--max-tokens N` */
export const maxTokens: Flag.Flag<number> = whole(
  "max-tokens",
  1,
  "Longest example, in tokens (4096)",
)
  .pipe(Flag.withDefault(4096));

/** `--resume DIR` */
export const resume: Flag.Flag<string | undefined> = orUndefined(
  path("resume", "DIR", "Run folder to go on with"),
);

/** `--metrics a,b` */
export const metrics: Flag.Flag<ReadonlyArray<string>> = text(
  "metrics",
  "a,b",
  "Metrics to compute besides the loss",
).pipe(Flag.map((list): ReadonlyArray<string> => list.split(",")), Flag.withDefault([]));
