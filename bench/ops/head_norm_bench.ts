import { copy } from "../../src/ops/copy.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { headNorm, headNormBackward } from "../../src/ops/head_norm.ts";
import { benchOps } from "../support/bench_ops.ts";

// A 512-token batch of Qwen3-0.6B. `copy` moves the forward's bytes: no kernel can beat it.
const [rows, dims] = [512, { heads: 16, kvHeads: 8, headDim: 128 }];
const cols = qkvCols(dims);
const normed = dims.heads + dims.kvHeads;
const gains = { query: [dims.headDim], key: [dims.headDim] };

benchOps(`head_norm [${rows}, ${cols}]`, { qkv: [rows, cols], ...gains }, {
  copy: (pass, { qkv }) => pass.release(copy(pass, qkv)),
  head_norm: (pass, { qkv, query, key }) => {
    const { y, rstd } = headNorm(pass, qkv, { query, key }, dims, 1e-6);
    pass.release(y, rstd);
  },
}, { bytes: 2 * 4 * rows * cols });

benchOps(`head_norm_backward [${rows}, ${cols}]`, {
  qkv: [rows, cols],
  ...gains,
  rstd: [rows, normed],
  dY: [rows, cols],
  dQueryGain: [dims.headDim],
  dKeyGain: [dims.headDim],
}, {
  copy: (pass, { qkv }) => pass.release(copy(pass, qkv)),
  frozen_gains: (pass, { qkv, query, key, rstd, dY }) =>
    headNormBackward(pass, { qkv, gains: { query, key }, rstd, dY }, dims),
  trained_gains: (pass, { qkv, query, key, rstd, dY, dQueryGain, dKeyGain }) => {
    const saved = { qkv, gains: { query, key }, rstd, dY };
    headNormBackward(pass, saved, dims, { dQueryGain, dKeyGain });
  },
}, { bytes: 3 * 4 * rows * normed * dims.headDim });
