/** `chat`: talks with a model, with or without an adapter, line by line. @module */
import * as Console from "effect/Console";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import type { Message } from "../data/chat.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { generateBatch } from "../generation/generate.ts";
import type { Decoding } from "../generation/sampler.ts";
import type { ConfigError } from "../config/config_error.ts";
import type { DataError } from "../data/data_error.ts";
import type { GpuError } from "../gpu/gpu.ts";
import { type LoadError, loadModel, type LoadServices } from "../models/load_model.ts";
import type { ModelError } from "../models/model_error.ts";
import type { Subject } from "../nn/adapter.ts";
import { chatInputs, chatUsage } from "./chat_input.ts";
import { adapter, type Flags, json, maxNewTokens, model, seed, setModel } from "./flags.ts";
import { system, temperature, topP } from "./flags.ts";
import { needTokenizer } from "./ids.ts";
import { modelSettings } from "./model_settings.ts";
import type { UsageError } from "./usage_error.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `chat`. */
export interface ChatOptions {
  readonly json: boolean;
  readonly model: string;
  readonly adapter: string | undefined;
  /** First message of every chat. */
  readonly system: string | undefined;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly set: ReadonlyArray<string>;
}

const flags: Flags<ChatOptions> = {
  ...{ json, model, adapter, system, maxNewTokens: maxNewTokens(512) },
  ...{ temperature, topP, seed, set: setModel },
};

const help: VerbHelp<"chat"> = {
  name: "chat",
  description: `Talk with a model. ${chatUsage}`,
  examples: [
    {
      command: "deno task delia chat --model fixtures/base --adapter runs/x/adapter",
      description: "Answers appear as they are made",
    },
    {
      command: "deno task delia chat --model fixtures/base --json < questions.txt > chat.json",
      description: "One document at the end: the messages since the last /reset",
    },
  ],
};

/** The verb around the work that `run` does. */
export const chatVerb = <E, R>(run: Run<ChatOptions, E, R>): Verb<"chat", ChatOptions, E, R> =>
  verb(help, flags, run);

/** What `chat --json` prints when the input ends. */
export interface ChatDocument {
  readonly messages: ReadonlyArray<Message>;
}

/** Answers each message of the standard input, remembering those before it. */
export const runChat = (
  options: ChatOptions,
): Effect.Effect<
  { readonly text: string; readonly document: ChatDocument; readonly undone?: string },
  LoadError | ConfigError | UsageError,
  Exclude<LoadServices, Scope.Scope> | Stdio.Stdio
> =>
  Effect.scoped(Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio;
    const settings = yield* modelSettings("chat", options.set);
    const { subject, tokenizer: found, valid, stopIds } = yield* loadModel(
      options.model,
      options.adapter,
      settings,
    );
    const tokenizer = yield* needTokenizer(found, options.model);
    const { maxNewTokens, temperature, topP } = options;
    const decoding = { temperature, topP, maxNewTokens, stopIds, valid };
    const first: ReadonlyArray<Message> = options.system === undefined
      ? []
      : [{ role: "system", content: options.system }];
    let messages = first;
    let [inputs, turns, failed] = [0, 0, 0];
    const fail = (line: string) => Effect.andThen(Effect.sync(() => failed++), Console.error(line));
    // With --json stdout is for the document alone.
    const write = (text: string) =>
      Stream.run(Stream.succeed(text), options.json ? stdio.stderr() : stdio.stdout())
        .pipe(Effect.orDie);
    const talks = yield* stdio.stdinIsTerminal;
    const invite = talks ? write("> ") : Effect.void;
    if (talks) yield* Console.error(chatUsage);
    yield* invite;
    const lines = stdio.stdin.pipe(Stream.decodeText, Stream.splitLines, Stream.orDie);
    yield* Stream.runForEach(chatInputs(lines), (input) =>
      Effect.gen(function* () {
        inputs++;
        switch (input._tag) {
          case "Reset":
            messages = first;
            break;
          case "UnknownCommand":
            yield* fail(`There is no ${input.command}. ${chatUsage}`);
            break;
          case "Message": {
            const asked: ReadonlyArray<Message> = [
              ...messages,
              { role: "user", content: input.text },
            ];
            const seed = options.seed + turns++;
            messages = yield* answer(subject, tokenizer, asked, decoding, seed, write).pipe(
              Effect.map((content) => [...asked, { role: "assistant" as const, content }]),
              Effect.catchIf(concernsMessage, ({ message }) =>
                Effect.as(
                  fail(`Error: ${message}\nThe message is forgotten; /reset forgets all`),
                  messages,
                )),
            );
          }
        }
        yield* invite;
      }));
    // Whoever types has seen it; a script goes by the exit status.
    const undone = !talks && failed > 0
      ? { undone: `${failed} of ${inputs} inputs had no answer; see above` }
      : {};
    return { text: "", document: { messages }, ...undone };
  }));

// Whether another message may be answered: this one has unknown words, or makes the chat too long.
const concernsMessage = (error: DataError | GpuError | ModelError): boolean =>
  error._tag === "DataError"
    ? error.reason._tag !== "BadTemplate"
    : error._tag === "ModelError" && error.reason._tag === "TooManyPositions";

// Writes the answer while it is made. A last character may still lack some of its bytes: it waits.
const answer = (
  subject: Subject,
  tokenizer: Tokenizer,
  messages: ReadonlyArray<Message>,
  decoding: Decoding,
  seed: number,
  write: (text: string) => Effect.Effect<void>,
) =>
  Effect.gen(function* () {
    const { ids } = yield* tokenizer.render(messages, { addGenerationPrompt: true });
    const room = Math.max(1, subject.decoder.positions - ids.length);
    let shown = "";
    const show = (made: ReadonlyArray<number>) => {
      const text = tokenizer.decode(made).replace(/\uFFFD+$/, "");
      if (!text.startsWith(shown)) return Effect.void;
      const more = text.slice(shown.length);
      shown = text;
      return more === "" ? Effect.void : write(more);
    };
    const [completion] = yield* generateBatch(
      subject,
      [{ ids, seed }],
      { ...decoding, maxNewTokens: Math.min(decoding.maxNewTokens, room) },
      { onTokens: ([answer]) => show(answer!.ids) },
    );
    const made = completion!.ids;
    yield* show(made);
    yield* write(completion!.finish === "length" ? " …\n" : "\n");
    return tokenizer.decode(made);
  });
