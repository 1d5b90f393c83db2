import { cacheAppend } from "../../src/ops/cache_append.ts";
import { copy } from "../../src/ops/copy.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { benchOps } from "../support/bench_ops.ts";

// The prompts of 64 samples, 16 tokens each. `copy` moves as many bytes as keys and values are.
const [batch, maxLength, dims] = [64, 64, { heads: 4, kvHeads: 2, headDim: 32 }];
const rows = batch * 16;
const cols = dims.kvHeads * dims.headDim;
const sequences = Uint32Array.from({ length: rows }, (_, row) => Math.floor(row / 16));
const positions = Uint32Array.from({ length: rows }, (_, row) => row % 16);
const cache = [batch, maxLength, cols];

benchOps(
  `cache_append [${rows}, ${qkvCols(dims)}]`,
  {
    qkv: [rows, qkvCols(dims)],
    sequences,
    positions,
    keys: cache,
    values: cache,
    same: [rows, 2 * cols],
  },
  {
    copy: (pass, { same }) => pass.release(copy(pass, same)),
    cache_append: (pass, { qkv, sequences, positions, keys, values }) =>
      cacheAppend(pass, qkv, sequences, positions, keys, values, dims),
  },
  { bytes: 8 * rows * 2 * cols },
);
