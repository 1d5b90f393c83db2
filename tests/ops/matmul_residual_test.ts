import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { columns, matmulNN, matmulNT, matmulReference } from "../../src/ops/matmul.ts";
import { counted, withoutSubgroups } from "../support/adapted_pass.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { upload } from "../support/packed.ts";

const products = { NT: matmulNT, NN: matmulNN } as const;
const [depth, cols] = [72, 160];

for (const layout of ["NT", "NN"] as const) {
  for (const tailed of [false, true]) {
    onGpu(
      `matmul${layout}() adds a residual${tailed ? " beside a tail" : ""}`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        // Heights of a tile from 1 to 16, and rows past the last; few columns, which would lie down.
        for (const [rows, width] of [[1, cols], [3, cols], [37, cols], [64, 16]] as const) {
          const [a, b, r] = [rows * depth, depth * width, rows * width].map(uniform);
          const [t, u] = [uniform(rows * 8, 5), uniform(8 * width, 6)];
          const [product, added] = [
            matmulReference(layout, a!, b!, [rows, depth, width]),
            matmulReference(layout, t, u, [rows, 8, width]),
          ];
          const expected = product.map((x, i) => x + r![i]! + (tailed ? 2 * added[i]! : 0));
          const of = (height: number, width: number) =>
            layout === "NT" ? [width, height] : [height, width];
          const onA = yield* gpu.upload(a!, [rows, depth]);
          const onB = yield* gpu.upload(b!, of(depth, width));
          const residual = yield* gpu.upload(r!, [rows, width]);
          const plus = tailed
            ? [{
              a: yield* gpu.upload(t, [rows, 8]),
              b: yield* gpu.upload(u, of(8, width)),
              columns: [0, width] as const,
              scale: 2,
            }]
            : [];
          for (const adapt of [undefined, withoutSubgroups]) {
            const count = { dispatches: 0 };
            const c = yield* gpu.submit((pass) =>
              products[layout](counted(adapt ? adapt(pass) : pass, count), onA, onB, {
                ...{ residual, plus },
              })
            );
            const error = worst(yield* gpu.download(c), expected);
            assert.ok(error < 1e-5, `${rows} × ${width}: worst error ${error}`);
            if (layout === "NT" && !adapt && gpu.adapter.subgroupSize === 8) {
              assert.equal(count.dispatches, 1, "one dispatch for all");
            }
          }
          assert.deepEqual(yield* gpu.download(residual), r, "the residual is left as it was");
        }
      }),
    );
  }
}

for (const format of ["f16", "bf16", "q8"] as const) {
  onGpu(
    `matmulNT() adds a residual and a tail to a product with a B in ${format}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      for (const rows of [1, 7, 20]) {
        const [a, r, t, u] = [rows * 64, rows * 96, rows * 8, 96 * 8].map(uniform);
        const { stored, values } = yield* upload(uniform(64 * 96, 4), [96, 64], format);
        const residual = yield* gpu.upload(r!, [rows, 96]);
        const onA = yield* gpu.upload(a!, [rows, 64]);
        const plus = [{
          a: yield* gpu.upload(t!, [rows, 8]),
          b: yield* gpu.upload(u!, [96, 8]),
          columns: [0, 96] as const,
        }];
        const c = yield* gpu.submit((pass) => matmulNT(pass, onA, stored, { residual, plus }));
        const added = matmulReference("NT", t!, u!, [rows, 8, 96]);
        const expected = matmulReference("NT", a!, values, [rows, 64, 96])
          .map((x, i) => x + r![i]! + added[i]!);
        const error = worst(yield* gpu.download(c), expected);
        assert.ok(error < 1e-5, `${rows} rows: worst error ${error}`);
      }
    }),
  );
}

onGpu(
  "matmulNT() keeps what accumulates and its own scale beside a residual",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [a, b, c, r] = [40 * 8, 64 * 8, 40 * 64, 40 * 64].map(uniform);
    const [onA, onB] = [yield* gpu.upload(a!, [40, 8]), yield* gpu.upload(b!, [64, 8])];
    const [into, residual] = [yield* gpu.upload(c!, [40, 64]), yield* gpu.upload(r!, [40, 64])];
    const options = { into, accumulate: true, scale: 3, residual };
    yield* gpu.submit((pass) => matmulNT(pass, onA, onB, options));
    const expected = matmulReference("NT", a!, b!, [40, 8, 64])
      .map((x, i) => 3 * x + c![i]! + r![i]!);
    assert.ok(worst(yield* gpu.download(into), expected) < 1e-5);
  }),
);

onGpu(
  "matmulNT() refuses a residual of another shape, and one for a window",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const error = yield* Effect.flip(
      gpu.submit((pass) =>
        matmulNT(pass, pass.tensor([4, 8]), pass.tensor([64, 8]), {
          residual: pass.tensor([4, 32]),
        })
      ),
    );
    assert.equal(error.message, "matmul: residual should be [4,64] but is [4,32]");
    const window = yield* Effect.flip(
      gpu.submit((pass) =>
        matmulNT(pass, pass.tensor([4, 8]), pass.tensor([64, 8]), {
          residual: pass.tensor([4, 64]),
          into: columns(pass.tensor([4, 128]), 64, 128),
        })
      ),
    );
    assert.equal(
      window.message,
      "matmul: what a residual is added to should be [4,64] but is [4,128]",
    );
  }),
);
