import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { allocateArenas, windowOf } from "../../src/nn/arenas.ts";
import { columns, matmulReference } from "../../src/ops/matmul.ts";
import { type GroupedProduct, matmulGroup } from "../../src/ops/matmul_group.ts";
import { counted, withoutSubgroups } from "../support/adapted_pass.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

/** Widths of what the parts of a linear put out, their ranks, and whether one dispatch can do all. */
interface Case {
  readonly widths: ReadonlyArray<number>;
  readonly ranks: ReadonlyArray<number>;
  readonly together: boolean;
}

const cases: Readonly<Record<string, Case>> = {
  "two parts": { widths: [96, 96], ranks: [16, 16], together: true },
  "three parts of different widths": { widths: [128, 64, 36], ranks: [16, 16, 16], together: true },
  "three parts of different ranks in tiles of one height": {
    widths: [64, 32, 72],
    ranks: [8, 8, 8],
    together: true,
  },
  "ranks of several tiles": { widths: [68, 100], ranks: [40, 36], together: true },
  "ranks that panels make": { widths: [64, 96], ranks: [64, 64], together: false },
  "ranks that ask for different tiles": { widths: [64, 64], ranks: [16, 4], together: false },
  "one part": { widths: [64], ranks: [16], together: true },
  "four parts": { widths: [32, 32, 32, 32], ranks: [8, 8, 8, 8], together: false },
  "a rank that is no multiple of four": { widths: [64, 64], ranks: [6, 6], together: false },
};

const rows = 77;

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((all, one) => all + one, 0);

// Where each of `lengths` begins, one behind the other.
const beginnings = (lengths: ReadonlyArray<number>): ReadonlyArray<number> =>
  lengths.map((_, i) => sum(lengths.slice(0, i)));

// Columns `[from, from + width)` of numbers in rows of `stride`.
const cut = (of: Float32Array, stride: number, from: number, width: number): Float32Array =>
  Float32Array.from(
    { length: rows * width },
    (_, i) => of[Math.floor(i / width) * stride + from + i % width]!,
  );

for (const name in cases) {
  const { widths, ranks, together } = cases[name]!;
  const [across, deep] = [sum(widths), sum(ranks)];
  const [fromWidth, fromRank] = [beginnings(widths), beginnings(ranks)];

  onGpu(
    `matmulGroup() makes the gradients of LoRA's parts: ${name}`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const [dZ, down] = [uniform(rows * across, 1), uniform(rows * deep, 2)];
      const bs = widths.map((width, i) => uniform(width * ranks[i]!, 10 + i));
      const held = widths.map((width, i) => uniform(width * ranks[i]!, 20 + i));
      const onDZ = yield* gpu.upload(dZ, [rows, across]);
      const onDown = yield* gpu.upload(down, [rows, deep]);
      const lengths = bs.map(({ length }) => length);
      const [values, gradients] = [
        yield* allocateArenas(lengths),
        yield* allocateArenas(lengths),
      ].map(([{ arena, places } = assert.fail()]) =>
        places.map(({ index, at }) => windowOf(arena, at, [widths[index]!, ranks[index]!]))
      ) as [ReturnType<typeof windowOf>[], ReturnType<typeof windowOf>[]];
      for (const [i, b] of bs.entries()) yield* gpu.write(values[i]!, b);
      for (const adapt of [undefined, withoutSubgroups]) {
        for (const [i, before] of held.entries()) yield* gpu.write(gradients[i]!, before);
        const count = { dispatches: 0 };
        const dDown = yield* gpu.submit((recorder) => {
          const pass = counted(adapt ? adapt(recorder) : recorder, count);
          const dDown = pass.tensor([rows, deep]);
          const parts = widths.map((width, i) => ({
            dPart: columns(onDZ, fromWidth[i]!, fromWidth[i]! + width),
            ranks: [fromRank[i]!, fromRank[i]! + ranks[i]!] as const,
            scale: 0.5 + i,
          }));
          matmulGroup(
            pass,
            "NN",
            parts.map(({ dPart, ranks, scale }, i): GroupedProduct => (
              { a: dPart, b: values[i]!, into: columns(dDown, ...ranks), scale }
            )),
          );
          matmulGroup(
            pass,
            "TN",
            parts.map(({ dPart, ranks, scale }, i): GroupedProduct => (
              { a: dPart, b: columns(onDown, ...ranks), into: gradients[i]!, scale }
            )),
            { accumulate: true },
          );
          return dDown;
        });
        const found = yield* gpu.download(dDown);
        for (const [i, width] of widths.entries()) {
          const [rank, scale] = [ranks[i]!, 0.5 + i];
          const dPart = cut(dZ, across, fromWidth[i]!, width);
          const lowered = matmulReference("NN", dPart, bs[i]!, [rows, width, rank]);
          const error = worst(cut(found, deep, fromRank[i]!, rank), lowered.map((x) => scale * x));
          assert.ok(error < 1e-5, `dDown of part ${i}: worst error ${error}`);
          const ofB = matmulReference("TN", dPart, cut(down, deep, fromRank[i]!, rank), [
            ...[width, rows, rank] as const,
          ]);
          const gradient = worst(
            yield* gpu.download(gradients[i]!),
            ofB.map((x, at) => held[i]![at]! + scale * x),
          );
          assert.ok(gradient < 1e-5, `dB of part ${i}: worst error ${gradient}`);
        }
        const fits = together && !adapt && gpu.adapter.subgroupSize === 8;
        assert.equal(count.dispatches, fits ? 2 : 2 * widths.length);
      }
    }),
  );
}

onGpu(
  "matmulGroup() makes products of tensors in several buffers one by one",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [a, b] = [uniform(40 * 64, 1), uniform(64 * 8, 2)];
    const onA = yield* gpu.upload(a, [40, 64]);
    const bs = [yield* gpu.upload(b, [64, 8]), yield* gpu.upload(b, [64, 8])];
    const count = { dispatches: 0 };
    const into = yield* gpu.submit((pass) => {
      const into = pass.tensor([40, 16]);
      const group = bs.map((b, i) => ({ a: onA, b, into: columns(into, 8 * i, 8 * i + 8) }));
      matmulGroup(counted(pass, count), "NN", group);
      return into;
    });
    const found = yield* gpu.download(into);
    const expected = matmulReference("NN", a, b, [40, 64, 8]);
    const left = Float64Array.from(
      { length: 40 * 16 },
      (_, i) => expected[Math.floor(i / 16) * 8 + i % 8]!,
    );
    assert.ok(worst(found, left) < 1e-5);
    assert.equal(count.dispatches, 2);
  }),
);
