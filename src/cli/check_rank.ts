/** Whether an adapter's rank is one that the model's weights can use. @module */
import * as Effect from "effect/Effect";
import { ConfigError } from "../config/config_error.ts";
import type { LoraConfig } from "../config/lora_config.ts";
import type { OpenModel } from "../models/open_model.ts";

/**
 * Fails where `lora.rank` exceeds the full rank of every weight that is adapted: B·A would be no more
 * than a full update of the largest, and a tensor of it may exceed what the GPU binds.
 */
export const checkRank = (
  { rank, targetModules }: Pick<LoraConfig, "rank" | "targetModules">,
  { architecture, shape }: Pick<OpenModel, "architecture" | "shape">,
): Effect.Effect<void, ConfigError> => {
  const linears = architecture.linears(shape, 0).flatMap(({ inputs, parts }) =>
    parts.map(({ module, from, to }) => ({ module, full: Math.min(inputs, to - from) }))
  );
  const embedding = { module: "embed_tokens", full: Math.min(shape.vocab, shape.hidden) };
  const [largest] = [...linears, embedding]
    .filter(({ module }) => targetModules.some((target) => target === module))
    .toSorted((one, other) => other.full - one.full);
  if (largest === undefined || rank <= largest.full) return Effect.void;
  const problem =
    `Expected at most ${largest.full}, the full rank of ${largest.module}, got ${rank}`;
  return Effect.fail(
    new ConfigError({ reason: { _tag: "Invalid", problems: [{ path: "lora.rank", problem }] } }),
  );
};
