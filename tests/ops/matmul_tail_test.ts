import assert from "node:assert/strict";
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass, type Tensor } from "../../src/gpu/gpu.ts";
import { allocateArenas, windowOf } from "../../src/nn/arenas.ts";
import {
  type AddedProduct,
  columns,
  matmulNN,
  matmulNT,
  matmulReference,
} from "../../src/ops/matmul.ts";
import { counted, withoutSubgroups } from "../support/adapted_pass.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { upload } from "../support/packed.ts";

const products = { NT: matmulNT, NN: matmulNN } as const;
const layouts = ["NT", "NN"] as const;
const formats = ["f32", "f16", "bf16", "q8"] as const;
const [depth, cols] = [72, 160];

/** What is added to columns `[from, to)`: a product of `rank` columns of T with a matrix of its own. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly rank: number;
  readonly scale: number;
}

const part = (from: number, to: number, rank: number, scale: number): Part => (
  { from, to, rank, scale }
);

interface Case {
  readonly parts: ReadonlyArray<Part>;
  /** Whether a kernel can add all parts in its own dispatch, in tiles of 32 columns. */
  readonly together: boolean;
}

const tails: Readonly<Record<string, Case>> = {
  "one part": { together: true, parts: [part(0, 160, 16, 1)] },
  "three parts of different ranks": {
    together: true,
    parts: [part(0, 64, 16, 2), part(64, 96, 4, -0.5), part(96, 160, 8, 1)],
  },
  "a part with a gap on both sides": { together: true, parts: [part(32, 64, 8, 2)] },
  "parts out of order": { together: true, parts: [part(96, 160, 8, 2), part(0, 32, 4, 1)] },
  "five stretches, more than a kernel tells apart": {
    together: false,
    parts: [part(32, 64, 8, 2), part(96, 128, 8, 1)],
  },
  "parts that end inside a tile": {
    together: false,
    parts: [part(0, 20, 8, 1), part(20, 160, 8, 1)],
  },
  "a rank that is no multiple of four": { together: false, parts: [part(0, 160, 6, 3)] },
};

// The matrices of all parts, as windows of one arena.
const uploadAll = (
  values: ReadonlyArray<Float32Array>,
  shapes: ReadonlyArray<ReadonlyArray<number>>,
): Effect.Effect<ReadonlyArray<Tensor>, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [{ arena, places } = assert.fail()] = yield* allocateArenas(
      values.map(({ length }) => length),
    );
    return yield* Effect.forEach(places, ({ index, at }) => {
      const own = windowOf(arena, at, shapes[index]!);
      return Effect.as(gpu.write(own, values[index]!), own);
    });
  });

for (const layout of layouts) {
  for (const name in tails) {
    onGpu(
      `matmul${layout}() adds the products of a tail: ${name}`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        const { parts, together } = tails[name]!;
        const ranks = parts.reduce((sum, { rank }) => sum + rank, 0);
        const shapes = parts.map(({ from, to, rank }) =>
          layout === "NT" ? [to - from, rank] : [rank, to - from]
        );
        const us = shapes.map(([height = 0, width = 0], i) => uniform(height * width, 10 + i));
        const onUs = yield* uploadAll(us, shapes);
        // Heights of a tile from 1 to 16, and rows past the last.
        for (const rows of [1, 2, 3, 8, 37]) {
          const [a, b, t] = [
            uniform(rows * depth, 1),
            uniform(depth * cols, 2),
            uniform(rows * ranks, 3),
          ];
          const expected = matmulReference(layout, a, b, [rows, depth, cols]);
          let rank = 0;
          for (const [i, { from, to, rank: own, scale }] of parts.entries()) {
            const mine = new Float32Array(rows * own);
            for (let at = 0; at < mine.length; at++) {
              mine[at] = t[Math.floor(at / own) * ranks + rank + at % own]!;
            }
            const added = matmulReference(layout, mine, us[i]!, [rows, own, to - from]);
            for (const [at, x] of added.entries()) {
              const column = from + at % (to - from);
              expected[Math.floor(at / (to - from)) * cols + column]! += scale * x;
            }
            rank += own;
          }
          const onA = yield* gpu.upload(a, [rows, depth]);
          const onB = yield* gpu.upload(b, layout === "NT" ? [cols, depth] : [depth, cols]);
          const onT = yield* gpu.upload(t, [rows, ranks]);
          let at = 0;
          const plus = parts.map(({ from, to, rank, scale }, i): AddedProduct => ({
            a: columns(onT, at, at += rank),
            b: onUs[i]!,
            columns: [from, to],
            scale,
          }));
          for (const adapter of [(pass: Pass) => pass, withoutSubgroups]) {
            const count = { dispatches: 0 };
            const c = yield* gpu.submit((pass) =>
              products[layout](counted(adapter(pass), count), onA, onB, { plus })
            );
            const error = worst(yield* gpu.download(c), expected);
            assert.ok(error < 1e-5, `${rows} rows: worst error ${error}`);
            const fits = together && adapter !== withoutSubgroups && gpu.adapter.subgroupSize === 8;
            assert.equal(count.dispatches, fits ? 1 : 1 + parts.length);
          }
        }
      }),
    );
  }

  for (const format of formats) {
    onGpu(
      `matmul${layout}() adds a tail in f32 to a product with a B in ${format}`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        for (const rows of [1, 2, 7, 20]) {
          const [a, t, u] = [uniform(rows * 64, 1), uniform(rows * 8, 2), uniform(8 * 96, 3)];
          const shape = layout === "NT" ? [96, 64] : [64, 96];
          const data = uniform(64 * 96, 4);
          const { stored, values } = format === "f32"
            ? { stored: yield* gpu.upload(data, shape), values: data }
            : yield* upload(data, shape, format);
          const onA = yield* gpu.upload(a, [rows, 64]);
          const onT = yield* gpu.upload(t, [rows, 8]);
          const onU = yield* gpu.upload(u, layout === "NT" ? [96, 8] : [8, 96]);
          const plus: AddedProduct[] = [{ a: onT, b: onU, columns: [0, 96], scale: 0.5 }];
          const c = yield* gpu.submit((pass) => products[layout](pass, onA, stored, { plus }));
          const added = matmulReference(layout, t, u, [rows, 8, 96]);
          const expected = matmulReference(layout, a, values, [rows, 64, 96])
            .map((x, i) => x + 0.5 * added[i]!);
          const error = worst(yield* gpu.download(c), expected);
          assert.ok(error < 1e-5, `${rows} rows: worst error ${error}`);
        }
      }),
    );
  }
}

onGpu(
  "matmulNT() keeps what accumulates and its own scale beside a tail",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [a, b, t, u, c] = [40 * 8, 64 * 8, 40 * 4, 64 * 4, 40 * 64].map((n, i) => uniform(n, i));
    const upload = (x: Float32Array, rows: number) => gpu.upload(x, [rows, x.length / rows]);
    const [onA, onB] = [yield* upload(a!, 40), yield* upload(b!, 64)];
    const plus = [{
      a: yield* upload(t!, 40),
      b: yield* upload(u!, 64),
      columns: [0, 64] as const,
    }];
    for (const scale of [1, 3]) {
      const into = yield* upload(c!, 40);
      yield* gpu.submit((pass) =>
        matmulNT(pass, onA, onB, { into, accumulate: true, scale, plus })
      );
      const [product, added] = [
        matmulReference("NT", a!, b!, [40, 8, 64]),
        matmulReference("NT", t!, u!, [40, 4, 64]),
      ];
      const expected = product.map((x, i) => c![i]! + scale * x + added[i]!);
      assert.ok(worst(yield* gpu.download(into), expected) < 1e-5);
    }
  }),
);

onGpu(
  "matmulNT() names the operand of an added product whose shape is wrong",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const wrong = (t: number[], u: number[]) =>
      Effect.flip(gpu.submit((pass) =>
        matmulNT(pass, pass.tensor([4, 8]), pass.tensor([64, 8]), {
          plus: [{ a: pass.tensor(t), b: pass.tensor(u), columns: [0, 32] }],
        })
      ));
    assert.equal(
      (yield* wrong([4, 4], [64, 4])).message,
      "matmul: b of an added product should be [32,4] but is [64,4]",
    );
    assert.equal(
      (yield* wrong([5, 4], [32, 4])).message,
      "matmul: a of an added product should be [4,4] but is [5,4]",
    );
  }),
);
