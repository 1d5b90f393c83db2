/** A memory plan as lines for people: what takes how much, and which setting takes less. @module */
import type { SamplingConfig } from "../config/sampling_config.ts";
import type { TrainingConfig } from "../config/training_config.ts";
import type { StorageChoice } from "../models/choose_storage.ts";
import { formatBytes } from "./columns.ts";

/** What is set beside the model, as far as the verb takes it: nothing else is suggested. */
export interface MemorySettings {
  readonly training?: Pick<TrainingConfig, "batchSize" | "accumulationSteps">;
  readonly sampling?: Pick<SamplingConfig, "batchSize">;
}

/** The plan in one line and, where it does not fit, a line for each setting that would help. */
export const memoryLines = (
  choice: StorageChoice,
  settings: MemorySettings = {},
): ReadonlyArray<string> => {
  const { storage, plan, budget } = choice;
  const parts = [
    ["weights", plan.weights, ` as ${storage}`],
    ["one unpacked", plan.unpacked, ""],
    ["adapter", plan.adapter, ""],
    ["optimizer", plan.optimizer, ""],
    ["merged copies", plan.merged, ""],
    ["activations", plan.activations, ""],
    ["prompts", plan.prompts, ""],
    ["logits", plan.logits, ""],
    ["KV cache", plan.cache, ""],
  ] as const;
  const listed = parts.filter(([, bytes]) => bytes > 0)
    .map(([name, bytes, note]) => `${name} ${formatBytes(bytes)}${note}`);
  const of = budget === undefined ? "" : ` of ${formatBytes(budget)}`;
  const summary = `GPU memory: up to ${formatBytes(plan.total)}${of} (${listed.join(", ")})`;
  if (budget === undefined || plan.total <= budget) return [summary];
  const less = remedies(choice, settings, budget / plan.total);
  return [summary, `That may not fit.${less.length > 0 ? " Less would take:" : ""}`, ...less];
};

// `share` of the plan would fit.
const remedies = (
  { storage, run }: StorageChoice,
  { training, sampling }: MemorySettings,
  share: number,
): ReadonlyArray<string> => {
  const { batch, prompt, tokens } = run.generated;
  const trained = run.trainedTokens > 0;
  const steps = (training?.batchSize ?? 1) * (training?.accumulationSteps ?? 1);
  const lines: ReadonlyArray<readonly [helps: boolean, settings: string, what: string]> = [
    [
      trained && !run.gradientCheckpointing,
      "training.gradientCheckpointing=true",
      "activations, for a third more time",
    ],
    [
      training !== undefined && training.batchSize > 1,
      `training.batchSize=1 --set training.accumulationSteps=${steps}`,
      "activations",
    ],
    [
      trained && prompt > 1,
      `training.maxTokens=${Math.floor(prompt / 2)}`,
      "activations, prompts, KV cache",
    ],
    [
      sampling !== undefined && batch > 1,
      `sampling.batchSize=${Math.max(1, Math.floor(batch * Math.min(share, 1 / 2)))}`,
      "prompts, KV cache",
    ],
    [
      !trained && tokens > 1,
      `model.positions=${Math.floor(tokens / 2)}`,
      "prompts, KV cache; no longer text can be read",
    ],
    [storage !== "q8", "model.storage=q8", "weights"],
  ];
  return lines.filter(([helps]) => helps).map(([, set, what]) => `  --set ${set}   (${what})`);
};
