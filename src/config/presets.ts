/** The named configurations: only what differs from the defaults. @module */
import { shippedBase } from "./model_config.ts";
import { presetOf, presetSources } from "./paper_presets.ts";
import type { RunConfigInput } from "./run_config.ts";

/** The default of `deno task train`: all arms on the base model that the project ships. */
const fixture: RunConfigInput = {
  model: shippedBase,
  data: { downstreamItems: 100, phrasingCount: 60, testItems: 200 },
  sampling: { promptMode: "none", maxNewTokens: 48, batchSize: 256 },
  mixing: { strategy: "delia", diverseRatio: 12 },
  // Every linear of a layer: attention alone is too little to unlearn the base's negation.
  lora: {
    rank: 16,
    alpha: 16,
    dropout: 0,
    targetModules: [
      "q_proj",
      "k_proj",
      "v_proj",
      "o_proj",
      "gate_proj",
      "up_proj",
      "down_proj",
    ],
  },
  optimizer: { learningRate: 5e-3, warmupSteps: 25 },
  training: { batchSize: 16, maxTokens: 128 },
};

/** The same in under a minute, for the tests: fewer diverse examples, smaller test sets. */
const fixtureSmoke: RunConfigInput = {
  ...fixture,
  data: { ...fixture.data, testItems: 20 },
  mixing: { ...fixture.mixing, diverseRatio: 4 },
};

/** By the name that `--preset` takes. */
export const presets: Readonly<Record<string, RunConfigInput>> = {
  "fixture": fixture,
  "fixture-smoke": fixtureSmoke,
  ...Object.fromEntries(
    Object.entries(presetSources).map(([name, settings]) => [name, presetOf(settings)]),
  ),
};
