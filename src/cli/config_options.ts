/** The options from which a run's settings are made, shared by the verbs that need a whole config. @module */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Flag from "effect/cli/Flag";
import { ConfigError } from "../config/config_error.ts";
import { presets } from "../config/presets.ts";
import { resolveRunConfig } from "../config/resolve.ts";
import type { RunConfig, RunConfigInput } from "../config/run_config.ts";
import { settingsForFiles } from "../experiments/file_data.ts";
import { kindOfSettings } from "../experiments/folder_kind.ts";
import { sweepFile } from "../experiments/read_run.ts";
import { fileProblem } from "../weights/file_problem.ts";
import { type JsonObject, parseObject, readIfPresent } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { data, type Flags, model, orUndefined, path, seeds, set } from "./flags.ts";

/** Values of {@linkcode settingFlags}. */
export interface SettingOptions {
  readonly preset: string;
  readonly config: string | undefined;
  readonly set: ReadonlyArray<string>;
}

/** Values of {@linkcode trainingFlags}. */
export interface ConfigOptions extends SettingOptions {
  readonly model: string | undefined;
  readonly data: string | undefined;
  readonly diverse: string | undefined;
  readonly initAdapter: string | undefined;
  readonly seeds: number | undefined;
}

/** The preset of a run that names none. */
export const defaultPreset = "fixture";

/** `--preset NAME`, without its default. */
export const preset: Flag.Flag<string> = Flag.String("preset").pipe(
  Flag.withMetavar("NAME"),
  Flag.withDescription(
    `Settings to start from: ${Object.keys(presets).join(", ")} (${defaultPreset})`,
  ),
);

/** Flags of settings in general; a verb takes of the others only those that say something to it. */
export const settingFlags: Flags<SettingOptions> = {
  preset: preset.pipe(Flag.withDefault(defaultPreset)),
  config: orUndefined(
    path("config", "FILE", "JSON file of settings, laid over the preset"),
  ),
  set,
};

/** `--init-adapter DIR`; each verb says what it does with it. */
export const initAdapter = (description: string): Flag.Flag<string | undefined> =>
  orUndefined(path("init-adapter", "DIR|NAME", description));

/** `--diverse FILE`; `more` is said of it beside. */
export const diverse = (more: string): Flag.Flag<string | undefined> =>
  orUndefined(path("diverse", "FILE", `Diverse chats, JSONL, such as \`sample\` writes${more}`));

/** Flags that together say what to train. */
export const trainingFlags: Flags<ConfigOptions> = {
  ...settingFlags,
  model: orUndefined(model),
  data: orUndefined(data),
  diverse: diverse("; goes with --data"),
  initAdapter: initAdapter("Trained adapter to start from"),
  seeds,
};

/**
 * The run's settings: preset, then `over`, then file, then `--set`, then the options with names of their
 * own.
 */
export const resolveOptions: (
  options: SettingOptions & Partial<ConfigOptions>,
  over?: ReadonlyArray<RunConfigInput>,
) => Effect.Effect<RunConfig, ConfigError, FileSystem.FileSystem> = Effect.fnUntraced(
  function* ({ preset, config, set, model, data, diverse, initAdapter, seeds }, over = []) {
    const file = config === undefined ? undefined : yield* readConfig(config);
    const ofData = { ...given("downstream", data), ...given("diverse", diverse) };
    return yield* resolveRunConfig({
      preset,
      over,
      set,
      ...given("file", file),
      options: {
        ...given("model", model),
        ...given("initAdapter", initAdapter),
        ...given("seeds", seeds),
        ...(Object.keys(ofData).length > 0 ? { data: ofData } : {}),
      },
    });
  },
);

/**
 * The settings of a run of `train`, on files where it is told files. Diverse chats alone are refused: on
 * the miniature world the base answers questions of that world.
 */
export const resolveTraining = (
  options: ConfigOptions,
): Effect.Effect<RunConfig, ConfigError, FileSystem.FileSystem> =>
  Effect.flatMap(resolveOptions(options), (config) => {
    const { downstream, diverse } = config.data;
    if (downstream !== undefined || diverse === undefined) return settingsForFiles(config);
    const problem = "goes with the chats of a task: give --data FILE too, or leave it out";
    const problems = [{ path: "data.diverse", problem }];
    return Effect.fail(new ConfigError({ reason: { _tag: "Invalid", problems } }));
  });

/**
 * The settings of the run in `directory`: a resumed run has no others. It is one of `experiment`, or of
 * `train` where that is undefined.
 */
export const resumedConfig: (
  directory: string,
  experiment?: string,
) => Effect.Effect<RunConfig, ConfigError | WeightsError, FileSystem.FileSystem> = Effect
  .fnUntraced(
    function* (directory, experiment) {
      const wanted = experiment === undefined ? "train" : `experiment ${experiment}`;
      const settings = yield* readResumed(directory, `a run of ${wanted}`);
      const { experiment: _name, ...options } = settings;
      return yield* resolveRunConfig({ options });
    },
  );

/** What `config.json` in `directory` holds, which must be that of `wanted` ("a run of train"). */
export const readResumed: (
  directory: string,
  wanted: string,
) => Effect.Effect<JsonObject, ConfigError | WeightsError, FileSystem.FileSystem> = Effect
  .fnUntraced(
    function* (directory, wanted) {
      const file = `${directory}/config.json`;
      const sweep = yield* readIfPresent(`${directory}/${sweepFile}`);
      const text = yield* readIfPresent(file);
      const settings = text === undefined ? undefined : yield* parseObject(file, text);
      const found = sweep !== undefined
        ? "a sweep"
        : settings === undefined
        ? "no config.json"
        : kindOfSettings(settings) ?? "another config.json";
      if (settings !== undefined && found === wanted) return settings;
      const verb = /^a (?:run of )?(pretrain|train|sweep|experiment .*)$/.exec(found)?.[1];
      const remedy = verb === undefined ? "" : `; go on with \`${verb} --resume ${directory}\``;
      const problem = `expected the folder of ${wanted}, found ${found}${remedy}`;
      return yield* new ConfigError({ reason: { _tag: "Unreadable", file: directory, problem } });
    },
  );

const given = <K extends string, A>(key: K, value: A | undefined): { readonly [P in K]?: A } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: A };

const readConfig = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem;
  const text = yield* fs.readFileString(name).pipe(Effect.mapError((error) => {
    const problem = fileProblem(error);
    return new ConfigError({ reason: { _tag: "Unreadable", file: name, problem } });
  }));
  return { name, text };
});
