import { copy } from "../../src/ops/copy.ts";
import { qkvCols } from "../../src/ops/head_dims.ts";
import { rotary } from "../../src/ops/rotary.ts";
import { benchOps } from "../support/bench_ops.ts";

// 2,048 rows of the main job. `copy` moves 4/3 of what turns.
const [rows, dims] = [2048, { heads: 4, kvHeads: 2, headDim: 32 }];
const positions = Uint32Array.from({ length: rows }, (_, row) => row % 32);

benchOps(
  `rotary [${rows}, ${qkvCols(dims)}]`,
  { qkv: [rows, qkvCols(dims)], rotations: [512, dims.headDim], positions },
  {
    copy: (pass, { qkv }) => pass.release(copy(pass, qkv)),
    rotary: (pass, { qkv, rotations, positions }) =>
      rotary(pass, qkv, rotations, positions, dims, 1),
  },
  { bytes: 8 * rows * (dims.heads + dims.kvHeads) * dims.headDim },
);
