/** The command line of the project: `deno task delia <verb>`. @module */
import * as Command from "effect/cli/Command";
import project from "../deno.json" with { type: "json" };
import { inspectVerb } from "./cli/inspect.ts";
import { runCommand } from "./cli/run_command.ts";

const delia = Command.make("delia").pipe(
  Command.withDescription("LoRA fine-tuning on WebGPU, with DELIA as its recipe"),
  Command.withSubcommands([inspectVerb]),
);

if (import.meta.main) runCommand(delia, project.version);
