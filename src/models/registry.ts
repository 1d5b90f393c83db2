/** The architectures that are implemented, by Hugging Face's `model_type`. @module */
import { Effect } from "effect";
import type { Architecture } from "./architecture.ts";
import { gemma } from "./gemma.ts";
import { gemma2 } from "./gemma2.ts";
import { gemma3Text } from "./gemma3_text.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { ModelError } from "./model_error.ts";
import { phi3 } from "./phi3.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { smollm3 } from "./smollm3.ts";

/** Every implemented architecture. */
export const architectures: ReadonlyArray<Architecture> = [
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma,
  gemma2,
  gemma3Text,
  smollm3,
  phi3,
];

/** The architecture that `config.json` names; an unknown one is refused with the known ones. */
export const architectureOf = (
  config: Readonly<Record<string, unknown>>,
): Effect.Effect<Architecture, ModelError> => {
  const named = config["model_type"];
  const modelType = typeof named === "string" ? named.slice(0, 60) : `of type ${typeof named}`;
  const found = architectures.find((architecture) => architecture.modelType === named);
  const known = architectures.map((architecture) => architecture.modelType).join(", ");
  return found
    ? Effect.succeed(found)
    : Effect.fail(new ModelError({ reason: { _tag: "UnknownType", modelType, known } }));
};
