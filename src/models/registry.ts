/** The architectures that are implemented, by Hugging Face's `model_type`. @module */
import { Effect } from "effect";
import type { Architecture } from "./architecture.ts";
import { llama } from "./llama.ts";
import { ModelError } from "./model_error.ts";

/** Every implemented architecture. */
export const architectures: ReadonlyArray<Architecture> = [llama];

/** The architecture that `config.json` names; an unknown one is refused with the known ones. */
export const architectureOf = (
  config: Readonly<Record<string, unknown>>,
): Effect.Effect<Architecture, ModelError> => {
  const modelType = String(config["model_type"]);
  const found = architectures.find((architecture) => architecture.modelType === modelType);
  const known = architectures.map((architecture) => architecture.modelType).join(", ");
  return found
    ? Effect.succeed(found)
    : Effect.fail(new ModelError({ reason: { _tag: "UnknownType", modelType, known } }));
};
