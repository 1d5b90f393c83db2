import { copy } from "../../src/ops/copy.ts";
import { embed } from "../../src/ops/embedding.ts";
import { embeddingGradient, tableGradient } from "../../src/ops/embedding_gradient.ts";
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
  words: new Uint32Array(vocab * hidden / 4).fill(0x01020304),
  scales: [vocab * hidden / 32],
}, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  embed: (pass, { table, tokens }) => pass.release(embed(pass, wholeTable(table), tokens)),
  embed_q8: (pass, { words, scales, tokens }) => {
    const packed = { format: "q8", shape: [vocab, hidden], words, scales } as const;
    pass.release(embed(pass, wholeTable(packed), tokens));
  },
  gradient_of_chosen: (pass, { x, tokens, allIds, dTable }) =>
    embeddingGradient(pass, x, tokens, allIds, dTable),
  gradient_of_table: (pass, { x, tokens, table, dTable }) =>
    tableGradient(pass, x, tokens, wholeTable(table, dTable)),
}, { bytes: 2 * 4 * rows * hidden });
