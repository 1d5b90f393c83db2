/** Whether an experiment is asked to run on files of the user's own, and whether it can. @module */
import { Effect } from "effect";
import { ConfigError, type ConfigProblem } from "../config/config_error.ts";
import type { RunConfig } from "../config/run_config.ts";
import type { Experiment } from "./experiment.ts";

/** Whether a run is to be on files rather than on the miniature world. */
export const hasOwnData = ({ data }: Pick<RunConfig, "data">): boolean =>
  ofFiles.some((name) => data[name] !== undefined);

/** Settings that are of files alone. */
const ofFiles = [
  ...["downstream", "diverse", "test", "questions", "facts"] as const,
  ...["phrasings", "heldOutPhrasings", "contextAfter", "negation"] as const,
];

/** Fails with what `experiment` cannot take, and with the files that are missing. */
export const checkOwnData = (
  experiment: Pick<Experiment, "name" | "ownData">,
  config: RunConfig,
): Effect.Effect<void, ConfigError> => {
  if (!hasOwnData(config)) return Effect.void;
  const { data } = config;
  const problems: ConfigProblem[] = [];
  if (!experiment.ownData) {
    for (const name of ofFiles) {
      if (data[name] === undefined) continue;
      const problem = `${experiment.name} runs on the miniature world; leave it out`;
      problems.push({ path: `data.${name}`, problem });
    }
  } else {
    const need = (name: "downstream" | "test", flag: string) => {
      const problem = `missing: an experiment on your own data needs ${flag} FILE`;
      if (data[name] === undefined) problems.push({ path: `data.${name}`, problem });
    };
    need("downstream", "--data");
    need("test", "--test");
    if ((data.diverse === undefined) === (data.questions === undefined)) {
      problems.push({
        path: "data.diverse",
        problem:
          "give either --diverse FILE, chats with their answers, or --questions FILE, which " +
          "the model answers itself",
      });
    }
  }
  return problems.length === 0
    ? Effect.void
    : Effect.fail(new ConfigError({ reason: { _tag: "Invalid", problems } }));
};
