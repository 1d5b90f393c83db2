import { copy } from "../../src/ops/copy.ts";
import { rmsNorm, rmsNormBackward } from "../../src/ops/rms_norm.ts";
import { benchOps } from "../support/bench_ops.ts";

// A 512-token batch of Llama-3.2-1B. `copy` moves the same bytes: no kernel can beat it.
const [rows, cols] = [512, 2048];
const bytes = 4 * rows * cols;

benchOps(`rms_norm [${rows}, ${cols}]`, { x: [rows, cols], gain: [cols] }, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  rms_norm: (pass, { x, gain }) => {
    const { y, rstd } = rmsNorm(pass, x, gain, 1e-6);
    pass.release(y, rstd);
  },
}, { bytes: 2 * bytes });

benchOps(`rms_norm_backward [${rows}, ${cols}]`, {
  x: [rows, cols],
  gain: [cols],
  rstd: [rows],
  dY: [rows, cols],
  dX: [rows, cols],
  dGain: [cols],
}, {
  copy: (pass, { x }) => pass.release(copy(pass, x)),
  frozen_gain: (pass, { dX, dGain: _, ...saved }) => rmsNormBackward(pass, saved, { dX }),
  trained_gain: (pass, { dX, dGain, ...saved }) => rmsNormBackward(pass, saved, { dX, dGain }),
}, { bytes: 4 * bytes });
