/** Whether a stored adapter fits a model. @module */
import { Effect } from "effect";
import { malformed } from "../weights/files.ts";
import type { Adapter } from "../weights/stored_adapter.ts";
import { isTarget } from "../weights/peft_targets.ts";
import { checkShape } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { OpenModel } from "./open_model.ts";

/**
 * Every matrix belongs to a linear of the model and has its shape; no layer lacks a target module,
 * unless the folder says that the layer is not adapted.
 */
export const checkAdapter: (
  model: Pick<OpenModel, "architecture" | "shape">,
  directory: string,
  adapter: Adapter,
) => Effect.Effect<void, WeightsError> = Effect.fnUntraced(function* (
  { architecture, shape },
  directory,
  { linears, embedding, rows, targets },
) {
  const fused = Array.from(
    { length: shape.layers },
    (_, layer) => architecture.linears(shape, layer),
  ).flat();
  const parts = fused.flatMap(({ inputs, parts }) => parts.map((part) => ({ ...part, inputs })));
  const known = new Map(parts.map((part) => [part.path, part]));
  const modules = new Set<string>();
  for (const [path, { a, b, magnitude }] of linears) {
    const part = known.get(path);
    if (!part) {
      return yield* malformed(directory, "adapter", "LoRA of linears that the model has", path);
    }
    const [rank = 0] = a.shape;
    const outputs = part.to - part.from;
    yield* checkShape(`${path}.lora_A`, a, [rank, part.inputs]);
    yield* checkShape(`${path}.lora_B`, b, [outputs, rank]);
    if (magnitude) yield* checkShape(`${path}.lora_magnitude_vector`, magnitude, [outputs]);
    modules.add(part.module);
  }
  const missing = parts.find(({ module, path }) =>
    modules.has(module) && !linears.has(path) && (!targets || isTarget(targets, path))
  );
  if (missing) {
    const expected = `${missing.module} of every layer`;
    return yield* malformed(directory, "adapter", expected, `without ${missing.path}`);
  }
  if (embedding) {
    const { a, b } = embedding;
    const [rank = 0] = a.shape;
    yield* checkShape(`${architecture.tensors.embedding}: lora_embedding_A`, a, [
      rank,
      shape.vocab,
    ]);
    yield* checkShape(`${architecture.tensors.embedding}: lora_embedding_B`, b, [
      shape.hidden,
      rank,
    ]);
  }
  for (const table of [rows?.input, rows?.output]) {
    if (!rows || !table) continue;
    yield* checkShape("new tokens' rows", table, [rows.tokens.length, shape.hidden]);
  }
});
