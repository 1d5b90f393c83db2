/** What can be wrong with a run's settings. @module */
import { type Cause, Data } from "effect";

/** One thing that is wrong, and where. */
export interface ConfigProblem {
  /** Keys from the top, joined by dots (`lora.rank`). */
  readonly path: string;
  /** What is wrong there, as the rest of a sentence. */
  readonly problem: string;
}

/** Why a {@linkcode ConfigError} happened; match on `_tag`. */
export type ConfigReason =
  | {
    readonly _tag: "UnknownPreset";
    readonly preset: string;
    readonly known: ReadonlyArray<string>;
  }
  | { readonly _tag: "Unreadable"; readonly file: string; readonly problem: string }
  | { readonly _tag: "Invalid"; readonly problems: ReadonlyArray<ConfigProblem> };

const ConfigErrorBase: new (fields: { readonly reason: ConfigReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "ConfigError"; readonly reason: ConfigReason } = Data.TaggedError(
    "ConfigError",
  );

const explain = (reason: ConfigReason): string => {
  switch (reason._tag) {
    case "UnknownPreset":
      return `There is no preset "${reason.preset}"; there are ${reason.known.join(", ")}`;
    case "Unreadable":
      return `${reason.file}: ${reason.problem}`;
    case "Invalid": {
      const lines = reason.problems.map(({ path, problem }) => `${path}: ${problem}`);
      const count = lines.length === 1 ? "1 problem" : `${lines.length} problems`;
      return `The config has ${count}\n${lines.map((line) => `  ${line}`).join("\n")}`;
    }
  }
};

/** The one error of the `config` folder. Its message lists every problem at once. */
export class ConfigError extends ConfigErrorBase {
  override get message(): string {
    return explain(this.reason);
  }
}
