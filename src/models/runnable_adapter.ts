/** Refuses a stored adapter that asks for what does not run on the GPU yet. @module */
import { Effect } from "effect";
import { malformed } from "../weights/files.ts";
import type { Adapter } from "../weights/peft.ts";
import type { WeightsError } from "../weights/weights_error.ts";

/** Fails where the adapter in `directory` has DoRA, LoRA on embedding or head, or ranks and alphas of their own. */
export const refuseUnrunnable = (
  directory: string,
  { rank, alpha, linears, embedding, tables }: Adapter,
): Effect.Effect<void, WeightsError> => {
  const refuse = (expected: string, actual: string) =>
    Effect.fail(malformed(directory, "adapter", expected, actual));
  for (const [path, { a, magnitude, alpha: own = alpha }] of linears) {
    if (magnitude) return refuse("plain LoRA", `DoRA (lora_magnitude_vector of ${path})`);
    if (a.shape[0] !== rank) {
      return refuse(`of rank ${rank} throughout`, `of rank ${a.shape[0]} at ${path}`);
    }
    if (own !== alpha) {
      return refuse(`of alpha ${alpha} throughout`, `of alpha ${own} at ${path}`);
    }
  }
  const table = embedding ? "model.embed_tokens" : [...tables?.keys() ?? []][0];
  return table === undefined
    ? Effect.void
    : refuse("LoRA on the linears of the layers", `on ${table}`);
};
