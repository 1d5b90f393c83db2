/** `diversify`: phrases the downstream instruction in many ways. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import * as Stream from "effect/Stream";
import { phrasings as worldPhrasings } from "../../fixtures/world/downstream.ts";
import { ConfigError } from "../config/config_error.ts";
import type { RunConfig } from "../config/run_config.ts";
import { defaultRules, Paraphraser, type ParaphraserError } from "../delia/diversify.ts";
import { layerPhrasingFile } from "../delia/diversify/file.ts";
import { englishGrammar, type Grammar, layerGrammar } from "../delia/diversify/grammar.ts";
import { counted } from "../report/columns.ts";
import { writeText } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { resolveOptions, settingFlags, type SettingOptions } from "./config_options.ts";
import { type Flags, instruction, json, orUndefined, out } from "./flags.ts";
import { refuseOverwrite } from "./refuse_overwrite.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `diversify`. */
export interface DiversifyOptions extends SettingOptions {
  readonly json: boolean;
  /** File to write, a phrasing a line, a JSON text where it is named `*.jsonl`; undefined: they are only printed. */
  readonly out: string | undefined;
  /** What to ask for; undefined: the claim checks of the miniature world. */
  readonly instruction: string | undefined;
}

const flags: Flags<DiversifyOptions> = {
  ...settingFlags,
  json,
  instruction,
  out: orUndefined(out("FILE", "File to write, a phrasing a line; *.jsonl: as JSON texts")),
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

/** Makes the phrasings, prints them or writes them into a file. */
export const runDiversify = (
  { instruction, out, ...options }: DiversifyOptions,
): Effect.Effect<
  { readonly text: string; readonly document: ReadonlyArray<string> },
  ConfigError | ParaphraserError | UsageError | WeightsError,
  FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function* () {
    if (instruction?.trim() === "") {
      return yield* usageError("diversify", "--instruction should say what to do but is empty");
    }
    const config = yield* resolveOptions(options);
    const inputs = { "--config": options.config, "data.phrasings": config.data.phrasings };
    yield* refuseOverwrite("diversify", out === undefined ? [] : [out], inputs);
    const phrasings = yield* phrasingsOf(config, instruction?.trim());
    const text = phrasings.join("\n");
    if (out === undefined) return { text, document: phrasings };
    const isJson = out.endsWith(".jsonl");
    if (!isJson && phrasings.some((phrasing) => /[\r\n]/.test(phrasing))) {
      const message = "--out: a phrasing has several lines and the file is to have one for each; " +
        "name it *.jsonl, or put the instruction in one line";
      return yield* usageError("diversify", message);
    }
    const lines = isJson ? phrasings.map((phrasing) => JSON.stringify(phrasing)) : phrasings;
    yield* writeText(out, `${lines.join("\n")}\n`);
    return { text: `${counted(phrasings.length, "phrasing")} in ${out}`, document: phrasings };
  });

/** The phrasings of a run: the file's of `data.phrasings`, the instruction's, or the miniature world's. */
export const phrasingsOf = (
  { data, newToken, training }: RunConfig,
  instruction?: string,
): Effect.Effect<
  ReadonlyArray<string>,
  ConfigError | ParaphraserError,
  FileSystem.FileSystem
> => {
  const { token } = newToken;
  const rules = { ...defaultRules, token };
  const { phrasings: file, phrasingCount } = data;
  if (file === undefined && instruction === undefined) return ofWorld(training.seed, phrasingCount);
  const collect = Effect.gen(function* () {
    const { paraphrase } = yield* Paraphraser;
    const phrasings = yield* Stream.runCollect(paraphrase(instruction ?? "", phrasingCount));
    return phrasings.map(({ text }) => text);
  });
  return file !== undefined
    ? Effect.provide(collect, layerPhrasingFile(file, rules))
    : Effect.provide(
      collect,
      layerGrammar({ grammar: withToken(token), rules, seed: training.seed }),
    );
};

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
): Effect.Effect<ReadonlyArray<string>, ConfigError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(worldPhrasings(seed, count));
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      const problem = { path: "data.phrasingCount", problem: cause.message };
      return Effect.fail(new ConfigError({ reason: { _tag: "Invalid", problems: [problem] } }));
    }
  });
