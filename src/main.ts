/**
 * The command line of the project: `deno task delia <verb>`. Run as a program; importing it does nothing.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const program = import.meta.resolve("@delia/delia/cli");
 * const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", program, "--help"] });
 * const { stdout } = await command.output();
 * assert.match(new TextDecoder().decode(stdout), /inspect/);
 * ```
 *
 * @module
 */
import * as Command from "effect/cli/Command";
import project from "../deno.json" with { type: "json" };
import { chatVerb, runChat } from "./cli/chat.ts";
import { diversifyVerb, runDiversify } from "./cli/diversify.ts";
import { evalVerb, runEval } from "./cli/eval.ts";
import { experimentVerb } from "./cli/experiment.ts";
import { runExperiment } from "./cli/experiment_run.ts";
import { generateVerb, runGenerate } from "./cli/generate.ts";
import { inspectVerb } from "./cli/inspect.ts";
import { mergeVerb, runMerge } from "./cli/merge.ts";
import { mixVerb, runMix } from "./cli/mix.ts";
import { onModel } from "./cli/model_source.ts";
import { onGpu, onUntunedGpu } from "./cli/on_gpu.ts";
import { pretrainVerb, runPretrain } from "./cli/pretrain.ts";
import { probeVerb } from "./cli/probe.ts";
import { reportVerb } from "./cli/report.ts";
import { runReport } from "./cli/report_run.ts";
import { runCommand } from "./cli/run_command.ts";
import { runSample, sampleVerb } from "./cli/sample.ts";
import { sweepVerb } from "./cli/sweep.ts";
import { runSweep } from "./cli/sweep_run.ts";
import { trainVerb } from "./cli/train.ts";
import { runTrain } from "./cli/train_run.ts";
import { tuneVerb } from "./cli/tune.ts";
import { runTune } from "./cli/tune_run.ts";

const delia = Command.make("delia").pipe(
  Command.withDescription("LoRA fine-tuning on WebGPU, with DELIA as its recipe"),
  Command.withSubcommands([
    trainVerb(runTrain),
    experimentVerb(runExperiment),
    probeVerb(runExperiment),
    reportVerb(runReport),
    sweepVerb(runSweep),
    pretrainVerb(onGpu(runPretrain)),
    sampleVerb(onGpu(runSample)),
    diversifyVerb(runDiversify),
    mixVerb(runMix),
    evalVerb(onModel(onGpu(runEval))),
    inspectVerb,
    chatVerb(onModel(onGpu(runChat))),
    mergeVerb(onModel(onGpu(runMerge))),
    generateVerb(onModel(onGpu(runGenerate))),
    tuneVerb(onUntunedGpu((options) => runTune(options))),
  ]),
);

if (import.meta.main) runCommand(delia, project.version);
