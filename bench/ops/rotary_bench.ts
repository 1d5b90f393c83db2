import { copy } from "../../src/ops/copy.ts";
import { rotary } from "../../src/ops/rotary.ts";
import { benchOps } from "../support/bench_ops.ts";

// 2,048 packed rows of the fixture model. `copy` moves all of qkv; values are not turned.
const [rows, maxPositions] = [2048, 256];
const dims = { heads: 4, kvHeads: 2, headDim: 32 };
const stride = (dims.heads + 2 * dims.kvHeads) * dims.headDim;

benchOps(
  `rotary [${rows}, ${stride}]`,
  {
    qkv: [rows, stride],
    rotations: [maxPositions, dims.headDim],
    positions: Uint32Array.from({ length: rows }, (_, row) => row % 32),
  },
  {
    copy: (pass, { qkv }) => copy(pass, qkv),
    rotary: (pass, { qkv, rotations, positions }) =>
      rotary(pass, qkv, rotations, positions, dims, 1),
  },
  { bytes: 8 * rows * (dims.heads + dims.kvHeads) * dims.headDim },
);
