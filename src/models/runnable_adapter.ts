/** Refuses a stored adapter that asks for what does not run on the GPU yet. @module */
import { Effect } from "effect";
import { malformed } from "../weights/files.ts";
import type { Adapter } from "../weights/stored_adapter.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { OpenModel } from "./open_model.ts";

/**
 * Fails where the adapter in `directory` has LoRA on the head, DoRA on the embedding, or trained rows
 * beside LoRA on it.
 */
export const refuseUnrunnable: (
  model: Pick<OpenModel, "architecture">,
  directory: string,
  adapter: Adapter,
) => Effect.Effect<void, WeightsError> = Effect.fnUntraced(function* (
  { architecture: { tensors } },
  directory,
  { linears, embedding, rows },
) {
  const refuse = (expected: string, actual: string) =>
    malformed(directory, "adapter", expected, actual);
  const paths = { embedding: pathOf(tensors.embedding), head: pathOf(tensors.head) };
  if (linears.has(paths.head)) {
    return yield* refuse("LoRA on linears of layers and embedding", paths.head);
  }
  if (embedding?.magnitude) {
    return yield* refuse("plain LoRA on the embedding", `DoRA of ${paths.embedding}`);
  }
  if (embedding && rows) {
    return yield* refuse("LoRA on the embedding or trained rows of it", "both");
  }
});

const pathOf = (tensor: string): string => tensor.replace(/\.weight$/, "");
