/** The command line of the project: `deno task delia <verb>`. @module */
import * as Command from "effect/cli/Command";
import project from "../deno.json" with { type: "json" };
import { evalVerb, runEval } from "./cli/eval.ts";
import { generateVerb, runGenerate } from "./cli/generate.ts";
import { inspectVerb } from "./cli/inspect.ts";
import { onGpu } from "./cli/on_gpu.ts";
import { runCommand } from "./cli/run_command.ts";

const delia = Command.make("delia").pipe(
  Command.withDescription("LoRA fine-tuning on WebGPU, with DELIA as its recipe"),
  Command.withSubcommands([
    inspectVerb,
    generateVerb(onGpu(runGenerate)),
    evalVerb(onGpu(runEval)),
  ]),
);

if (import.meta.main) runCommand(delia, project.version);
