/** `diversify`: phrases the downstream instruction in many ways. @module */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Stream from "effect/Stream";
import { phrasings as worldPhrasings } from "../../fixtures/world/downstream.ts";
import type { ConfigError } from "../config/config_error.ts";
import { defaultRules, Paraphraser, type ParaphraserError } from "../delia/diversify.ts";
import { layerPhrasingFile } from "../delia/diversify/file.ts";
import { englishGrammar, type Grammar, layerGrammar } from "../delia/diversify/grammar.ts";
import { refuse } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { configFlags, type ConfigOptions, resolveOptions } from "./config_options.ts";
import { type Flags, instruction, json, orUndefined, out } from "./flags.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `diversify`. */
export interface DiversifyOptions extends ConfigOptions {
  readonly json: boolean;
  /** Text file to write, a phrasing a line; undefined: they are only printed. */
  readonly out: string | undefined;
  /** What to ask for; undefined: the claim checks of the miniature world. */
  readonly instruction: string | undefined;
}

const flags: Flags<DiversifyOptions> = {
  ...configFlags,
  json,
  instruction,
  out: orUndefined(out("FILE", "Text file to write, a phrasing a line")),
};

const help: VerbHelp<"diversify"> = {
  name: "diversify",
  description: "Phrase the downstream instruction in many ways",
  examples: [
    {
      command: "deno task delia diversify --set data.phrasingCount=20",
      description: "Twenty phrasings that a run on the miniature world trains on",
    },
    {
      command: 'deno task delia diversify --instruction "Judge the answer." --out phrasings.txt',
      description: "Phrasings of an instruction of your own",
    },
  ],
};

/** The verb around the work that `run` does. */
export const diversifyVerb = <E, R>(
  run: Run<DiversifyOptions, E, R>,
): Verb<"diversify", DiversifyOptions, E, R> => verb(help, flags, run);

/** Makes the phrasings: the file's of `data.phrasings`, the instruction's, or the miniature world's. */
export const runDiversify = (
  { instruction, out, ...options }: DiversifyOptions,
): Effect.Effect<
  { readonly text: string; readonly document: ReadonlyArray<string> },
  ConfigError | ParaphraserError | WeightsError | UsageError,
  FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const { data, newToken, training } = yield* resolveOptions(options);
    const { token } = newToken;
    const rules = { ...defaultRules, token };
    const count = data.phrasingCount;
    const collect = Effect.gen(function* () {
      const { paraphrase } = yield* Paraphraser;
      const phrasings = yield* Stream.runCollect(paraphrase(instruction ?? "", count));
      return phrasings.map(({ text }) => text);
    });
    const grammar = withToken(token);
    const phrasings = data.phrasings !== undefined
      ? yield* Effect.provide(collect, layerPhrasingFile(data.phrasings, rules))
      : instruction !== undefined
      ? yield* Effect.provide(collect, layerGrammar({ grammar, rules, seed: training.seed }))
      : yield* ofWorld(training.seed, count);
    const text = phrasings.join("\n");
    if (out === undefined) return { text, document: phrasings };
    const fs = yield* FileSystem.FileSystem;
    yield* fs.writeFileString(out, `${text}\n`).pipe(refuse(out));
    return { text: `${phrasings.length} phrasings in ${out}`, document: phrasings };
  });

/** The English grammar, asking for `token`. */
const withToken = (token: string): Grammar => {
  const named = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
    texts.map((text) => text.replaceAll(defaultRules.token, () => token));
  const slots = Object.entries(englishGrammar.slots).map(([slot, texts]) => [slot, named(texts)]);
  return { frames: named(englishGrammar.frames), slots: Object.fromEntries(slots) };
};

/** Phrasings of the miniature world, as training takes them; it has so many and no more. */
const ofWorld = (
  seed: number,
  count: number,
): Effect.Effect<ReadonlyArray<string>, UsageError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(worldPhrasings(seed, count));
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      return Effect.fail(usageError("diversify", `data.phrasingCount: ${cause.message}`));
    }
  });
