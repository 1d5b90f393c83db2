/** A memory plan as lines for people: what takes how much, and which setting takes less. @module */
import type { StorageChoice } from "../models/choose_storage.ts";
import { formatBytes } from "./columns.ts";

/** The plan in one line and, where it does not fit, a line for each setting that would help. */
export const memoryLines = (choice: StorageChoice): ReadonlyArray<string> => {
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
  return budget === undefined || plan.total <= budget
    ? [summary]
    : [summary, "That may not fit. Less would take:", ...remedies(choice)];
};

const remedies = ({ storage, run }: StorageChoice): ReadonlyArray<string> => [
  ...run.trainedTokens === 0 || run.gradientCheckpointing
    ? []
    : ["  --set training.gradientCheckpointing=true   (activations, for a third more time)"],
  ...run.trainedTokens === 0 ? [] : [
    "  --set training.batchSize=1 --set training.accumulationSteps=16   (activations)",
    "  --set training.maxTokens=512   (activations, prompts, KV cache)",
  ],
  ...run.generated.batch > 8 ? ["  --set sampling.batchSize=8   (prompts, KV cache)"] : [],
  ...run.trainedTokens === 0
    ? ["  --set model.positions=256   (prompts, KV cache; no longer text can be read)"]
    : [],
  ...storage === "q8" ? [] : ["  --set model.storage=q8   (weights)"],
];
