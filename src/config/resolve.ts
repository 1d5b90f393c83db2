/** From preset, config file and `--set` options to one checked `RunConfig`. @module */
import { Effect, Result, Schema, SchemaIssue } from "effect";
import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { presets } from "./presets.ts";
import { RunConfig, type RunConfigInput, spellOut } from "./run_config.ts";

/** Where settings come from; each source takes precedence over the ones before it. */
export interface SettingSources {
  /** The text of a JSON config file, and how messages name it. */
  readonly file?: { readonly name: string; readonly text: string };
  /** Single settings, `path=value`; a value that is no JSON is a string. */
  readonly set?: ReadonlyArray<string>;
  /** Settings that have options of their own (`--model`). */
  readonly options?: JsonObject;
}

/** {@linkcode SettingSources} with a preset under them. */
export interface ConfigSources extends SettingSources {
  /** A name among `presets`. Absent: the defaults of the schemas. */
  readonly preset?: string;
  /** Settings laid over the preset, under all others: those of an experiment. */
  readonly over?: ReadonlyArray<RunConfigInput>;
}

/** A JSON object of settings, not yet checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The settings of a run. A failure lists all that is wrong at once. */
export const resolveRunConfig: (
  sources: ConfigSources,
) => Effect.Effect<RunConfig, ConfigError> = Effect.fnUntraced(
  function* ({ preset, over = [], ...sources }) {
    const start = preset === undefined ? {} : yield* findPreset(preset);
    const laid = [start, ...over].map((layer) => spellOut(layer as JsonObject));
    return yield* resolveSettings(RunConfig, sources, laid.reduce(merge, {}), spellOut);
  },
);

/**
 * Lays the sources over `start`, each spelled out first, and checks the result; a failure lists all
 * that is wrong at once.
 */
export const resolveSettings = <A>(
  codec: Schema.Codec<A, unknown>,
  { file, set = [], options = {} }: SettingSources,
  start: JsonObject = {},
  spellOut: (layer: JsonObject) => JsonObject = (layer) => layer,
): Effect.Effect<A, ConfigError> =>
  Effect.gen(function* () {
    const fromFile = file === undefined ? {} : yield* parseFile(file.name, file.text);
    const settings = set.map(parseSetting);
    const given = [start, fromFile, ...settings.filter(Result.isSuccess).map((it) => it.success)];
    const decoded = decodeSettings(
      codec,
      [...given, options].map(spellOut).reduce<JsonObject>(merge, {}),
    );
    const problems = [
      ...settings.filter(Result.isFailure).map((it) => it.failure),
      ...(Result.isFailure(decoded) ? decoded.failure : []),
    ];
    return Result.isSuccess(decoded) && problems.length === 0
      ? decoded.success
      : yield* new ConfigError({ reason: { _tag: "Invalid", problems } });
  });

/** Checks settings of any origin; refuses keys that there are not. */
const decodeSettings = <A>(
  codec: Schema.Codec<A, unknown>,
  settings: unknown,
): Result.Result<A, ReadonlyArray<ConfigProblem>> =>
  Result.mapError(
    Schema.decodeUnknownResult(codec)(settings, {
      errors: "all",
      onExcessProperty: "error",
      reportInput: true,
    }),
    ({ issue }) => listIssues(issue).issues.map(toProblem),
  );

const listIssues = SchemaIssue.makeFormatterStandardSchemaV1();

const toProblem = (
  { path = [], message }: ReturnType<typeof listIssues>["issues"][number],
): ConfigProblem => ({
  path: path.map((step) => String(typeof step === "object" ? step.key : step)).join("."),
  problem: message.startsWith("Unexpected key") ? "there is no such setting" : message,
});

const findPreset = (preset: string): Effect.Effect<JsonObject, ConfigError> => {
  const found = Object.hasOwn(presets, preset) ? presets[preset] : undefined;
  const known = Object.keys(presets);
  return found === undefined
    ? Effect.fail(new ConfigError({ reason: { _tag: "UnknownPreset", preset, known } }))
    : Effect.succeed({ ...found });
};

const parseFile = (file: string, text: string): Effect.Effect<JsonObject, ConfigError> => {
  const json = parseJson(text);
  const refuse = (problem: string) =>
    Effect.fail(new ConfigError({ reason: { _tag: "Unreadable", file, problem } }));
  if (Result.isFailure(json)) return refuse(`Expected JSON: ${json.failure}`);
  return isObject(json.success) ? Effect.succeed(json.success) : refuse("Expected a JSON object");
};

/** `lora.rank=8` → `{ lora: { rank: 8 } }`. */
const parseSetting = (setting: string): Result.Result<JsonObject, ConfigProblem> => {
  const at = setting.indexOf("=");
  const path = setting.slice(0, Math.max(at, 0)).split(".");
  if (at < 0 || path.includes("")) {
    return Result.fail({ path: setting, problem: "Expected path=value, as in lora.rank=8" });
  }
  const text = setting.slice(at + 1);
  const value = Result.getOrElse(parseJson(text), () => text);
  return Result.succeed(
    path.reduceRight<unknown>(
      (inner, key) => Object.fromEntries([[key, inner]]),
      value,
    ) as JsonObject,
  );
};

const parseJson = (text: string): Result.Result<unknown, string> =>
  Result.try({
    try: () => JSON.parse(text) as unknown,
    catch: (error) => (error as Error).message,
  });

/** `over` laid over `under`, object by object; lists are replaced whole. */
const merge = (under: JsonObject, over: JsonObject): JsonObject => {
  const merged = Object.entries(over).map(([key, value]) => {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    return [key, isObject(below) && isObject(value) ? merge(below, value) : value] as const;
  });
  return { ...under, ...Object.fromEntries(merged) };
};

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
