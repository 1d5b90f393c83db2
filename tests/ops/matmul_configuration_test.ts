import assert from "node:assert/strict";
import { Effect } from "effect";
import { type AdapterFacts, Gpu, type Pass, type Tensor } from "../../src/gpu/gpu.ts";
import type { AskedProduct } from "../../src/gpu/tuning.ts";
import { matmulNN, matmulNT, matmulTN } from "../../src/ops/matmul.ts";
import { configurations } from "../../src/ops/matmul_configuration.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";
import { upload } from "../support/packed.ts";

const products = { NT: matmulNT, NN: matmulNN, TN: matmulTN } as const;
const layouts = ["NT", "NN", "TN"] as const;

/** What was dispatched, and asked. */
interface Seen {
  readonly kernels: string[];
  readonly asked: AskedProduct[];
}

// `pass` with other facts, a tuning that always remembers `name`, and a record of both.
const watched = (
  pass: Pass,
  name: string | undefined,
  seen: Seen,
  facts: Partial<AdapterFacts> = {},
): Pass => ({
  ...pass,
  adapter: {
    ...pass.adapter,
    ...facts,
    tuning: {
      configurationOf: (product) => {
        seen.asked.push(product);
        return name;
      },
    },
  },
  dispatch: (kernel, params, tensors) => {
    seen.kernels.push(kernel.name);
    pass.dispatch(kernel, params, tensors);
  },
});

const nothing = (): Seen => ({ kernels: [], asked: [] });
const withoutSubgroups = { subgroups: false, subgroupSize: 0 } as const;
const realGpu = { software: false, ...withoutSubgroups } as const;

// x [rows, depth] and w, 96 columns of the product, as `layout` stores them.
const operands = (
  layout: "NT" | "NN" | "TN",
  [rows, depth] = [40, 64] as readonly [number, number],
) =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const [a, b] = [uniform(rows * depth, 1), uniform(depth * 96, 2)];
    return {
      a: yield* gpu.upload(a, layout === "TN" ? [depth, rows] : [rows, depth]),
      b: yield* gpu.upload(b, layout === "NT" ? [96, depth] : [depth, 96]),
    };
  });

for (const layout of layouts) {
  onGpu(
    `matmul${layout}() gives the same bits in every configuration on the software driver`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      // Enough rows for panels, and several of them.
      const { a, b } = yield* operands(layout, [50, 192]);
      const computed = (name?: string) =>
        Effect.gen(function* () {
          const c = yield* gpu.submit((pass) =>
            products[layout](watched(pass, name, nothing()), a, b, { scale: 3 })
          );
          return yield* gpu.download(c);
        });
      const expected = yield* computed();
      for (const name of configurations.keys()) {
        const actual = yield* computed(name);
        // Another driver may fuse multiplication and addition in one kernel and not in another.
        if (gpu.adapter.software) assert.deepEqual(actual, expected, name);
        else assert.ok(worst(actual, expected) < 1e-6, name);
      }
    }),
  );

  onGpu(
    `matmul${layout}() dispatches the remembered configuration`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const { a, b } = yield* operands(layout);
      const lowest = layout === "TN" ? 4 : 1;
      for (const [name, configuration] of configurations) {
        if (configuration.kernel === "subgroup" && !gpu.adapter.subgroups) continue;
        if (configuration.kernel === "subgroup" && configuration.rows < lowest) continue;
        if (configuration.kernel === "panel") continue; // tests/ops/matmul_panel_test.ts
        const seen = nothing();
        const grids: number[] = [];
        yield* gpu.submit((onAdapter) => {
          const pass = watched(onAdapter, name, seen);
          const counting: Pass = {
            ...pass,
            dispatch: (kernel, params, tensors) => {
              grids.push(kernel.workgroups(params) as number);
              pass.dispatch(kernel, params, tensors);
            },
          };
          products[layout](counting, a, b);
        });
        const lying = { NT: "nt", NN: "tt", TN: "tn" }[layout];
        const [height, width] = configuration.kernel === "subgroup" && configuration.lying
          ? [96, 40]
          : [40, 96];
        const [kernel, rows, cols] = configuration.kernel === "subgroup"
          ? [
            `matmul_${configuration.lying ? lying : layout.toLowerCase()}`,
            configuration.rows,
            4 * gpu.adapter.subgroupSize,
          ]
          : configuration.kernel === "shared"
          ? ["matmul_shared", ...configuration.tile.split("x").map(Number)]
          : ["matmul", 8, 8];
        assert.deepEqual(seen.kernels, [kernel], name);
        const tiles = Math.ceil(height / Number(rows)) * Math.ceil(width / Number(cols));
        const grid = configuration.kernel === "direct" ? Math.ceil(tiles / 32) : tiles;
        assert.deepEqual(grids, [grid], name);
        const asked = { layout, format: "f32", rows: 40, depth: 64, cols: 96 };
        assert.deepEqual(seen.asked, [asked]);
      }
    }),
  );
}

// What is dispatched for x·wᵀ where `name` is remembered.
const dispatched = (
  name: string | undefined,
  facts: Partial<AdapterFacts>,
  [x, w]: readonly [Parameters<typeof matmulNT>[1], Parameters<typeof matmulNT>[2]],
  options?: Parameters<typeof matmulNT>[3],
) =>
  Effect.gen(function* () {
    const seen = nothing();
    yield* (yield* Gpu).submit((pass) => matmulNT(watched(pass, name, seen, facts), x, w, options));
    return seen.kernels;
  });

onGpu(
  "matmulNT() falls back on its own table where what is remembered does not fit",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { a, b } = yield* operands("NT");
    const fours: readonly [Tensor, Tensor] = [a, b];
    const odd = [
      yield* gpu.upload(uniform(40 * 7, 1), [40, 7]),
      yield* gpu.upload(uniform(96 * 7, 1), [96, 7]),
    ] as const;
    const subgroups = gpu.adapter.subgroups ? "matmul_nt" : "matmul";
    assert.deepEqual(yield* dispatched(undefined, {}, fours), [subgroups]);
    assert.deepEqual(yield* dispatched("subgroup 3", {}, fours), [subgroups]);
    assert.deepEqual(yield* dispatched("subgroup 8", {}, odd), ["matmul"]);
    assert.deepEqual(yield* dispatched("subgroup 8", withoutSubgroups, fours), ["matmul"]);
    assert.deepEqual(yield* dispatched("subgroup 8", realGpu, fours), ["matmul_shared"]);
    assert.deepEqual(yield* dispatched(undefined, { software: false }, odd), ["matmul_shared"]);
    const limits = { ...limitsOf(gpu.adapter), maxComputeInvocationsPerWorkgroup: 32 };
    assert.deepEqual(yield* dispatched("shared 32x32x16", { limits }, odd), ["matmul"]);
    assert.deepEqual(yield* dispatched(undefined, { ...realGpu, limits }, odd), ["matmul"]);
  }),
);

// The properties of the limits are those of their prototype.
const limitsOf = ({ limits }: AdapterFacts): GPUSupportedLimits => {
  const own: Record<string, unknown> = {};
  for (const name in limits) own[name] = limits[name as keyof GPUSupportedLimits];
  return own as unknown as GPUSupportedLimits;
};

onGpu(
  "matmulNT() takes what is remembered beside a tail only where that can add it",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    if (gpu.adapter.subgroupSize !== 8) return;
    const { a, b } = yield* operands("NT");
    const [t, u] = [
      yield* gpu.upload(uniform(160, 3), [40, 4]),
      yield* gpu.upload(uniform(384, 4), [96, 4]),
    ];
    const plus = [{ a: t, b: u, columns: [0, 96] }] as const;
    for (const name of ["subgroup 8", "subgroup 8 lying", "shared 64x64x16", "direct"]) {
      const kernels = yield* dispatched(name, {}, [a, b], { plus });
      assert.deepEqual(kernels, ["matmul_nt_tail"], name);
    }
    assert.deepEqual(
      yield* dispatched("shared 64x64x16", withoutSubgroups, [a, b], { plus }),
      ["matmul_shared", "matmul_shared"],
    );
  }),
);

onGpu(
  "matmulNT() leaves a packed operand where it is",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { a } = yield* operands("NT");
    const { stored } = yield* upload(uniform(64 * 96, 2), [96, 64], "bf16");
    const kernels = yield* dispatched("subgroup 8 lying", {}, [a, stored]);
    assert.deepEqual(kernels, [gpu.adapter.subgroups ? "matmul_nt_bf16" : "matmul_bf16"]);
    const shared = yield* dispatched("shared 64x64x8", {}, [a, stored]);
    assert.deepEqual(shared, ["matmul_shared_bf16"]);
  }),
);
