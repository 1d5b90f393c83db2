import assert from "node:assert/strict";
import { Effect } from "effect";
import { type AdapterFacts, Gpu, type Pass } from "../../src/gpu/gpu.ts";
import { columns, matmulNN, matmulNT, matmulReference, rowsOf } from "../../src/ops/matmul.ts";
import { type PanelDepth, panelDepths } from "../../src/ops/matmul_panel.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { upload } from "../support/packed.ts";

const products = { NT: matmulNT, NN: matmulNN } as const;
const layouts = ["NT", "NN"] as const;

/** What was dispatched: the kernel's name and its workgroups. */
type Dispatched = Array<readonly [kernel: string, workgroups: number]>;

// `pass` with a tuning that remembers a depth, and a record of what is dispatched.
const panelled = (pass: Pass, depth: PanelDepth, seen: Dispatched = []): Pass => ({
  ...pass,
  adapter: { ...pass.adapter, tuning: { configurationOf: () => `panel ${depth}` } },
  dispatch: (kernel, params, tensors) => {
    seen.push([kernel.name, kernel.workgroups(params) as number]);
    pass.dispatch(kernel, params, tensors);
  },
});

const hasPanels = ({ software, subgroupSize }: AdapterFacts): boolean =>
  software && subgroupSize === 8;

// Rows, panels and columns: of one workgroup and of several, inside a tile and past one.
const shapes = [
  [48, 1, 8],
  [49, 1, 72],
  [131, 3, 104],
  [700, 2, 40],
] as const;

for (const layout of layouts) {
  for (const own of panelDepths) {
    onGpu(
      `matmul${layout}() by panels of ${own} matches its f64 reference`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        for (const [rows, panels, cols] of shapes) {
          const depth = panels * own;
          const [a, b] = [uniform(rows * depth, 1), uniform(depth * cols, 2)];
          const onA = yield* gpu.upload(a, [rows, depth]);
          const onB = yield* gpu.upload(b, layout === "NT" ? [cols, depth] : [depth, cols]);
          const seen: Dispatched = [];
          const c = yield* gpu.submit((pass) =>
            products[layout](panelled(pass, own, seen), onA, onB, { scale: -2 })
          );
          const expected = matmulReference(layout, a, b, [rows, depth, cols]).map((x) => -2 * x);
          const error = worst(yield* gpu.download(c), expected);
          assert.ok(error < 1e-5, `[${rows}, ${depth}, ${cols}]: worst error ${error}`);
          if (hasPanels(gpu.adapter)) {
            assert.deepEqual(seen.map(([name]) => name), ["matmul_panel"]);
          }
        }
      }),
    );
  }

  onGpu(
    `matmul${layout}() by panels reads and writes windows, and nothing beside them`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [rows, depth, cols] = [53, 128, 72];
      const [a, b, c] = [uniform(60 * 144, 1), uniform(140 * 144, 2), uniform(60 * 88, 3)];
      const onA = yield* gpu.upload(a, [60, 144]);
      const onB = yield* gpu.upload(b, [140, 144]);
      const onC = yield* gpu.upload(c, [60, 88]);
      const [bRows, bCols] = layout === "NT" ? [cols, depth] : [depth, cols];
      yield* gpu.submit((pass) =>
        products[layout](
          panelled(pass, 64),
          columns(rowsOf(onA, 3, 3 + rows), 8, 8 + depth),
          columns(rowsOf(onB, 5, 5 + bRows), 8, 8 + bCols),
          { into: columns(rowsOf(onC, 2, 2 + rows), 8, 8 + cols) },
        )
      );
      const inner = (x: Float32Array, stride: number, at: [number, number], size: number[]) =>
        Float32Array.from(
          { length: size[0]! * size[1]! },
          (_, i) => x[(at[0] + Math.floor(i / size[1]!)) * stride + at[1] + i % size[1]!]!,
        );
      const product = matmulReference(
        layout,
        inner(a, 144, [3, 8], [rows, depth]),
        inner(b, 144, [5, 8], [bRows, bCols]),
        [rows, depth, cols],
      );
      const expected = Float64Array.from(c);
      for (const [i, x] of product.entries()) {
        expected[(2 + Math.floor(i / cols)) * 88 + 8 + i % cols] = x;
      }
      assert.ok(worst(yield* gpu.download(onC), expected) < 1e-5);
    }),
  );

  for (const format of ["f16", "bf16", "q8"] as const) {
    onGpu(
      `matmul${layout}() by panels reads a B in ${format}, and adds a tail`,
      Effect.gen(function* () {
        const gpu = yield* Gpu;
        const [rows, depth, cols, rank] = [60, 192, 96, 8];
        const [a, t, u] = [
          uniform(rows * depth, 1),
          uniform(rows * rank, 2),
          uniform(rank * cols, 3),
        ];
        const shape = layout === "NT" ? [cols, depth] : [depth, cols];
        const { stored, values } = yield* upload(uniform(depth * cols, 4), shape, format);
        const onA = yield* gpu.upload(a, [rows, depth]);
        const onT = yield* gpu.upload(t, [rows, rank]);
        const onU = yield* gpu.upload(u, layout === "NT" ? [cols, rank] : [rank, cols]);
        const seen: Dispatched = [];
        const plus = [{ a: onT, b: onU, columns: [0, cols], scale: 0.5 }] as const;
        const c = yield* gpu.submit((pass) =>
          products[layout](panelled(pass, 96, seen), onA, stored, { plus })
        );
        const added = matmulReference(layout, t, u, [rows, rank, cols]);
        const expected = matmulReference(layout, a, values, [rows, depth, cols])
          .map((x, i) => x + 0.5 * added[i]!);
        const error = worst(yield* gpu.download(c), expected);
        assert.ok(error < 1e-5, `worst error ${error}`);
        if (!hasPanels(gpu.adapter)) return;
        assert.deepEqual(seen.map(([name]) => name), [`matmul_panel_${format}_tail`]);
      }),
    );
  }

  onGpu(
    `matmul${layout}() by panels adds tails of several depths to their columns, and a residual`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [rows, cols, ranks] = [57, 192, [16, 4, 48]] as const;
      const all = ranks.reduce((sum, rank) => sum + rank, 0);
      for (const depth of [64, 320]) {
        const [a, b, t, r] = [
          uniform(rows * depth, 1),
          uniform(depth * cols, 2),
          uniform(rows * all, 3),
          uniform(rows * cols, 4),
        ];
        // Windows of one tensor, as an adapter's are.
        const us = uniform(64 * all, 5);
        const onUs = yield* gpu.upload(us, [all * 64]);
        const onT = yield* gpu.upload(t, [rows, all]);
        const expected = matmulReference(layout, a, b, [rows, depth, cols])
          .map((x, i) => x + (layout === "NT" ? r[i]! : 0));
        let at = 0;
        const plus = ranks.map((rank, part) => {
          const [from, to] = [at, at += rank];
          const u = us.subarray(64 * from, 64 * to);
          const window = Float32Array.from(
            { length: rows * rank },
            (_, i) => t[Math.floor(i / rank) * all + from + i % rank]!,
          );
          const scale = part - 0.5;
          for (const [i, x] of matmulReference(layout, window, u, [rows, rank, 64]).entries()) {
            expected[Math.floor(i / 64) * cols + 64 * part + i % 64]! += scale * x;
          }
          const shape = layout === "NT" ? [64, rank] : [rank, 64];
          const b = { ...onUs, offset: 4 * 64 * from, bytes: 4 * 64 * rank, shape };
          return {
            a: columns(onT, from, to),
            b,
            columns: [64 * part, 64 * part + 64],
            scale,
          } as const;
        });
        const onA = yield* gpu.upload(a, [rows, depth]);
        const onB = yield* gpu.upload(b, layout === "NT" ? [cols, depth] : [depth, cols]);
        const residual = yield* gpu.upload(r, [rows, cols]);
        const seen: Dispatched = [];
        const c = yield* gpu.submit((pass) =>
          products[layout](panelled(pass, 64, seen), onA, onB, {
            plus,
            ...layout === "NT" ? { residual } : {},
          })
        );
        const error = worst(yield* gpu.download(c), expected);
        assert.ok(error < 1e-5, `depth ${depth}: worst error ${error}`);
        if (!hasPanels(gpu.adapter)) continue;
        const kernel = layout === "NT" ? "matmul_panel_residual_tail" : "matmul_panel_tail";
        assert.deepEqual(seen.map(([name]) => name), [kernel]);
      }
    }),
  );

  onGpu(
    `matmul${layout}() by panels is whole beyond the turns that a software driver grants`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [rows, depth, cols] = [48, 64 * 400, 8];
      const [a, b] = [uniform(rows * depth, 1), uniform(depth * cols, 2)];
      const onA = yield* gpu.upload(a, [rows, depth]);
      const onB = yield* gpu.upload(b, layout === "NT" ? [cols, depth] : [depth, cols]);
      const [t, u] = [uniform(rows * 16, 3), uniform(16 * cols, 4)];
      const plus = [{
        a: yield* gpu.upload(t, [rows, 16]),
        b: yield* gpu.upload(u, layout === "NT" ? [cols, 16] : [16, cols]),
        columns: [0, cols],
      }] as const;
      const seen: Dispatched = [];
      const c = yield* gpu.submit((pass) =>
        products[layout](panelled(pass, 64, seen), onA, onB, { plus })
      );
      const added = matmulReference(layout, t, u, [rows, 16, cols]);
      const expected = matmulReference(layout, a, b, [rows, depth, cols])
        .map((x, i) => x + added[i]!);
      const error = worst(yield* gpu.download(c), expected);
      assert.ok(error < 1e-5, `worst error ${error}`);
      if (!hasPanels(gpu.adapter)) return;
      // What is added is added by the last dispatch.
      assert.ok(seen.length > 1);
      const tailed = seen.map(([name]) => name === "matmul_panel_tail");
      assert.deepEqual(tailed, seen.map((_, i) => i === seen.length - 1));
    }),
  );
}

onGpu(
  "matmulNT() adds a tail behind panels that is too long for them",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [rows, depth, cols, rank] = [50, 128, 64, 56];
    const [a, b] = [uniform(rows * depth, 1), uniform(cols * depth, 2)];
    const [t, u] = [uniform(rows * rank, 3), uniform(cols * rank, 4)];
    const plus = [{
      a: yield* gpu.upload(t, [rows, rank]),
      b: yield* gpu.upload(u, [cols, rank]),
      columns: [0, cols],
    }] as const;
    const onA = yield* gpu.upload(a, [rows, depth]);
    const onB = yield* gpu.upload(b, [cols, depth]);
    const seen: Dispatched = [];
    const c = yield* gpu.submit((pass) => matmulNT(panelled(pass, 64, seen), onA, onB, { plus }));
    const added = matmulReference("NT", t, u, [rows, rank, cols]);
    const expected = matmulReference("NT", a, b, [rows, depth, cols]).map((x, i) => x + added[i]!);
    assert.ok(worst(yield* gpu.download(c), expected) < 1e-5);
    if (!hasPanels(gpu.adapter)) return;
    assert.deepEqual(seen.map(([name]) => name), ["matmul_panel", "matmul_nt"]);
  }),
);

onGpu(
  "matmulNT() leaves to other kernels what panels cannot make",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const kernelsOf = (
      [rows, depth, cols]: readonly [number, number, number],
      options?: Parameters<typeof matmulNT>[3],
    ) =>
      Effect.gen(function* () {
        const seen: Dispatched = [];
        const x = yield* gpu.upload(uniform(rows * depth, 1), [rows, depth]);
        const w = yield* gpu.upload(uniform(cols * depth, 2), [cols, depth]);
        yield* gpu.submit((pass) => matmulNT(panelled(pass, 64, seen), x, w, options));
        return seen.map(([name]) => name);
      });
    if (!hasPanels(gpu.adapter)) return;
    assert.deepEqual(yield* kernelsOf([64, 128, 64]), ["matmul_panel"]);
    assert.deepEqual(yield* kernelsOf([47, 128, 64]), ["matmul_nt"]); // few rows
    assert.deepEqual(yield* kernelsOf([64, 100, 64]), ["matmul_nt"]); // not whole panels
    assert.deepEqual(yield* kernelsOf([64, 128, 68]), ["matmul_nt"]); // not in eights
    const into = yield* gpu.upload(new Float32Array(64 * 64), [64, 64]);
    const added = { into, accumulate: true } as const;
    assert.deepEqual(yield* kernelsOf([64, 128, 64], added), ["matmul_nt"]);
  }),
);
