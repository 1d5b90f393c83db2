import { copy } from "../../src/ops/copy.ts";
import { embed } from "../../src/ops/embedding.ts";
import { embeddingGradient } from "../../src/ops/embedding_gradient.ts";
import { wholeTable } from "../../src/ops/vocabulary_table.ts";
import { benchOps } from "../support/bench_ops.ts";

// A 4096-token batch of a small model; tokens are spread over the vocabulary.
const [rows, vocab, hidden] = [4096, 320, 256];
const tokens = Uint32Array.from({ length: rows }, (_, row) => row * row % 8191 % vocab);
const allIds = Uint32Array.from({ length: vocab }, (_, id) => id);

benchOps(`embedding [${rows}] of [${vocab}, ${hidden}]`, {
  x: [rows, hidden],
  table: [vocab, hidden],
  dTable: [vocab, hidden],
  tokens,
  allIds,
}, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  embed: (pass, { table, tokens }) => pass.release(embed(pass, wholeTable(table), tokens)),
  gradient: (pass, { x, tokens, allIds, dTable }) =>
    embeddingGradient(pass, x, tokens, allIds, dTable),
}, { bytes: 2 * 4 * rows * hidden });
