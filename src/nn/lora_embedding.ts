/** LoRA on the embedding: x = E[token] + scale · A[token]·Bᵀ. Its A starts at zero, as PEFT's does. @module */
import type { Pass, Tensor } from "../gpu/gpu.ts";
import { embed } from "../ops/embedding.ts";
import { tableGradient } from "../ops/embedding_gradient.ts";
import { matmulNN, matmulNT, matmulTN } from "../ops/matmul.ts";
import { wholeTable } from "../ops/vocabulary_table.ts";
import type { Parameter } from "./parameters.ts";

/** The adapter of an embedding; it does not touch a head that is tied to it, nor has it dropout. */
export interface LoraEmbedding {
  /** alpha / rank, or alpha / √rank with rsLoRA, times the factor of embedded tokens. */
  readonly scale: number;
  /** `[vocab, rank]`: PEFT's A, transposed. */
  readonly a: Parameter;
  /** `[hidden, rank]`. */
  readonly b: Parameter;
}

const tableOf = ({ value, gradient }: Parameter) => wholeTable(value, gradient);

/** Adds to the embedded `tokens [rows]`, `x [rows, hidden]`. */
export const loraEmbeddingForward = (
  pass: Pass,
  { scale, a, b }: LoraEmbedding,
  tokens: Tensor,
  x: Tensor,
): void => {
  const down = embed(pass, tableOf(a), tokens);
  matmulNT(pass, down, b.value, { into: x, accumulate: true, scale });
  pass.release(down);
};

/** Adds the gradients of A and B; `dX [rows, hidden]` is the gradient of the embedded tokens. */
export const loraEmbeddingBackward = (
  pass: Pass,
  { scale, a, b }: LoraEmbedding,
  tokens: Tensor,
  dX: Tensor,
): void => {
  const down = embed(pass, tableOf(a), tokens);
  if (b.gradient) matmulTN(pass, dX, down, { into: b.gradient, accumulate: true, scale });
  pass.release(down);
  const dDown = matmulNN(pass, dX, b.value, { scale });
  tableGradient(pass, dDown, tokens, tableOf(a));
  pass.release(dDown);
};
