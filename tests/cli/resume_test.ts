import assert from "node:assert/strict";
import { Effect } from "effect";
import { resumedConfig } from "../../src/cli/config_options.ts";
import { experimentVerb } from "../../src/cli/experiment.ts";
import { runExperiment } from "../../src/cli/experiment_run.ts";
import { pretrainVerb, runPretrain } from "../../src/cli/pretrain.ts";
import { onGpu } from "../../src/cli/on_gpu.ts";
import { trainVerb } from "../../src/cli/train.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { PretrainConfig } from "../../src/config/pretrain_config.ts";
import { resolveRunConfig, resolveSettings } from "../../src/config/resolve.ts";
import { platform } from "../../src/platform.ts";
import { runVerb, saidBy } from "../support/run_verb.ts";

const run = Effect.runSync(resolveRunConfig({ preset: "fixture" }));
const pretraining = Effect.runSync(resolveSettings(PretrainConfig, {}));

/** What `config.json` holds in folders of each kind. */
const folders = {
  train: { "config.json": run },
  experiment: { "config.json": { experiment: "ablation", ...run } },
  pretrain: { "config.json": pretraining },
  model: { "config.json": { model_type: "llama" } },
  sweep: { "sweep.json": {} },
  nothing: {},
} satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Runs `body` with a folder of the kind. */
const inFolder = (kind: keyof typeof folders, body: (at: string) => Promise<void>) => async () => {
  const at = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(folders[kind])) {
      await Deno.writeTextFile(`${at}/${name}`, JSON.stringify(content));
    }
    await body(at);
  } finally {
    await Deno.remove(at, { recursive: true });
  }
};

const train = (at: string) => runVerb(trainVerb(runTrain), "--resume", at);
const pretrain = (at: string) => runVerb(pretrainVerb(onGpu(runPretrain)), "--resume", at);
const experiment = (name: string) => (at: string) =>
  runVerb(experimentVerb(runExperiment), name, "--resume", at);

for (
  const [verb, resume, kind, says] of [
    ["train", train, "pretrain", "train, found a run of pretrain; go on with `pretrain"],
    ["train", train, "experiment", "train, found a run of experiment ablation; go on with `expe"],
    ["train", train, "model", "train, found a model"],
    ["train", train, "sweep", "train, found a sweep; go on with `sweep"],
    ["train", train, "nothing", "train, found no config.json"],
    ["experiment", experiment("ablation"), "train", "experiment ablation, found a run of train"],
    [
      "experiment",
      experiment("controls"),
      "experiment",
      "experiment controls, found a run of experiment ablation",
    ],
    ["pretrain", pretrain, "train", "pretrain, found a run of train; go on with `train"],
  ] as const
) {
  Deno.test(
    `${verb} --resume names what is in the folder: ${says.replace(/.*found |; .*/g, "")}`,
    inFolder(kind, async (at) => {
      const said = saidBy(await resume(at));
      assert.ok(said.startsWith(`${at}: expected the folder of a run of ${says}`), said);
      assert.equal(said.split("\n").length, 1);
    }),
  );
}

for (const [kind, name] of [["train", undefined], ["experiment", "ablation"]] as const) {
  Deno.test(
    `resumedConfig() gives the settings of a run of ${kind}`,
    inFolder(kind, async (at) => {
      const config = Effect.provide(resumedConfig(at, name), platform);
      assert.deepEqual(await Effect.runPromise(config), run);
    }),
  );
}
