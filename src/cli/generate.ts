/** `generate`: goes on from a text or token ids, or answers a chat. @module */
import * as Effect from "effect/Effect";
import { adapter, chat, type Flags, ids, json, maxNewTokens, model, prompt } from "./flags.ts";
import { seed, temperature, topP } from "./flags.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** What generation starts from. */
export type Start =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Ids"; readonly ids: ReadonlyArray<number> }
  /** A file that holds a chat. */
  | { readonly _tag: "Chat"; readonly file: string };

/** How to generate. */
export interface GenerateSettings {
  readonly json: boolean;
  readonly model: string;
  readonly adapter: string | undefined;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
}

/** Options of `generate`, of which one of `prompt`, `chat` and `ids` is given. */
export interface GenerateOptions extends GenerateSettings {
  readonly prompt: string | undefined;
  readonly chat: string | undefined;
  readonly ids: ReadonlyArray<number> | undefined;
}

const flags: Flags<GenerateOptions> = {
  ...{ json, model, adapter, prompt, chat, ids },
  ...{ maxNewTokens, temperature, topP, seed },
};

const help: VerbHelp<"generate"> = {
  name: "generate",
  description: "Go on from a text or token ids, or answer a chat",
  examples: [{
    command: 'deno task delia generate --model fixtures/base --prompt "what is red" --json',
    description: "Print ids, text, log-probabilities and why it ended",
  }],
};

/** The verb around the work that `run` does, which learns what to start from. */
export const generateVerb = <E, R>(
  run: Run<GenerateSettings & { readonly start: Start }, E, R>,
): Verb<"generate", GenerateOptions, E | UsageError, R> =>
  verb(
    help,
    flags,
    (options) => Effect.flatMap(startOf(options), (start) => run({ ...options, start })),
  );

const startOf = (
  { prompt, chat, ids }: GenerateOptions,
): Effect.Effect<Start, UsageError> => {
  const starts: ReadonlyArray<Start> = [
    ...(prompt === undefined ? [] : [{ _tag: "Text", text: prompt } as const]),
    ...(chat === undefined ? [] : [{ _tag: "Chat", file: chat } as const]),
    ...(ids === undefined ? [] : [{ _tag: "Ids", ids } as const]),
  ];
  const [start] = starts;
  return start !== undefined && starts.length === 1
    ? Effect.succeed(start)
    : Effect.fail(usageError("generate", "Give exactly one of --prompt, --chat and --ids"));
};
