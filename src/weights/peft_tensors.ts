/** The tensors of an adapter, and the names that PEFT gives them. @module */
import type { Adapter, LoraMatrices } from "./stored_adapter.ts";
import type { HostTensor } from "./weights.ts";

// Names as PEFT 0.21.2 writes them.

/** Before every name. */
export const prefix = "base_model.model.";
/** The module of the embedding. */
export const embeddingPath = "model.embed_tokens";
/** The module of the head. */
export const headPath = "lm_head";
/** Trained rows of the embedding. */
export const embeddingRows: string =
  `${prefix}${embeddingPath}.token_adapter.trainable_tokens_delta`;
/** Trained rows of the head. */
export const headRows: string = `${prefix}${headPath}.token_adapter.trainable_tokens_delta`;
/** What LoRA adds to a module. */
export const parts = {
  linear: { a: "lora_A.weight", b: "lora_B.weight" },
  embedding: { a: "lora_embedding_A", b: "lora_embedding_B" },
  magnitude: "lora_magnitude_vector",
} as const;
/** The table of a module: as the base has it, under LoRA, or under trained rows. */
export const tableParts = {
  adapted: "base_layer.weight",
  trained: "token_adapter.base_layer.weight",
  plain: "weight",
} as const;

/** Files of an adapter folder. */
export const files = {
  config: "adapter_config.json",
  weights: "adapter_model.safetensors",
  sidecar: "delia.json",
} as const;

/** What of an adapter lies in its tensors. */
export type Tensors = Pick<Adapter, "linears" | "embedding" | "tables" | "rows">;

/** Every adapted module, the embedding too. */
export const modulesOf = ({ linears, embedding }: Tensors): ReadonlyMap<string, LoraMatrices> =>
  new Map([...linears, ...embedding ? [[embeddingPath, embedding] as const] : []]);

/** Where a table lies: its module may be wrapped by LoRA, or by its trained rows. */
const tableKey = ({ linears, embedding, rows }: Tensors, path: string): string => {
  const isAdapted = linears.has(path) || path === embeddingPath && embedding !== undefined;
  const trained = path === embeddingPath
    ? rows?.input
    : path === headPath
    ? rows?.output
    : undefined;
  const part = isAdapted ? tableParts.adapted : trained ? tableParts.trained : tableParts.plain;
  return `${prefix}${path}.${part}`;
};

/** The content of `adapter_model.safetensors`. */
export const tensorsOf = (adapter: Tensors): ReadonlyMap<string, HostTensor> => {
  const tensors = new Map<string, HostTensor>();
  for (const [path, matrices] of modulesOf(adapter)) {
    const { a, b } = matrices === adapter.embedding ? parts.embedding : parts.linear;
    tensors.set(`${prefix}${path}.${a}`, matrices.a);
    tensors.set(`${prefix}${path}.${b}`, matrices.b);
    if (matrices.magnitude) tensors.set(`${prefix}${path}.${parts.magnitude}`, matrices.magnitude);
  }
  for (const [path, table] of adapter.tables ?? []) {
    tensors.set(tableKey(adapter, path), table);
  }
  if (adapter.rows) tensors.set(embeddingRows, adapter.rows.input);
  if (adapter.rows?.output) tensors.set(headRows, adapter.rows.output);
  return tensors;
};
