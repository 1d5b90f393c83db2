/** Whether a stored adapter fits a model. @module */
import { Effect } from "effect";
import { malformed } from "../weights/files.ts";
import type { Adapter } from "../weights/peft.ts";
import { checkShape } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { OpenModel } from "./open_model.ts";

/** Every matrix belongs to a linear of the model and has its shape; no layer lacks a target module. */
export const checkAdapter: (
  model: Pick<OpenModel, "architecture" | "shape">,
  directory: string,
  adapter: Adapter,
) => Effect.Effect<void, WeightsError> = Effect.fnUntraced(function* (
  { architecture, shape },
  directory,
  { rank, linears, rows },
) {
  const fused = Array.from(
    { length: shape.layers },
    (_, layer) => architecture.linears(shape, layer),
  ).flat();
  const parts = fused.flatMap(({ inputs, parts }) => parts.map((part) => ({ ...part, inputs })));
  const known = new Map(parts.map((part) => [part.path, part]));
  const modules = new Set<string>();
  for (const [path, { a, b }] of linears) {
    const part = known.get(path);
    if (!part) {
      return yield* malformed(directory, "adapter", "LoRA of linears that the model has", path);
    }
    yield* checkShape(`${path}.lora_A`, a, [rank, part.inputs]);
    yield* checkShape(`${path}.lora_B`, b, [part.to - part.from, rank]);
    modules.add(part.module);
  }
  const missing = parts.find(({ module, path }) => modules.has(module) && !linears.has(path));
  if (missing) {
    const expected = `${missing.module} of every layer`;
    return yield* malformed(directory, "adapter", expected, `without ${missing.path}`);
  }
  if (rows) yield* checkShape("new tokens' rows", rows.input, [rows.tokens.length, shape.hidden]);
});
