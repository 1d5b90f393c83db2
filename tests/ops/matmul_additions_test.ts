import assert from "node:assert/strict";
import type { AdapterFacts } from "../../src/gpu/device.ts";
import { sizeOf, type Tensor } from "../../src/gpu/gpu.ts";
import { additionsTo, depthOf } from "../../src/ops/matmul_additions.ts";
import type { Configuration } from "../../src/ops/matmul_configuration.ts";
import { longestTail } from "../../src/ops/matmul_panel.ts";
import { type AddedProduct, columns, type Layout } from "../../src/ops/matmul.ts";

const adapter = { subgroupSize: 8 } as AdapterFacts;

// Nothing is dispatched: nobody binds the buffer. One for all, as an adapter's tensors are windows of one.
const buffer = {} as GPUBuffer;
const tensorOf = (...shape: ReadonlyArray<number>): Tensor => ({
  ...{ buffer, offset: 0, bytes: 4 * sizeOf(shape), shape, dtype: "f32" },
});

const rows = 64;
const cols = 128;

const down = tensorOf(rows, 64);

// LoRA's part of `rows × cols`, for columns from `from` to `to`.
const added = (rank: number, [from, to]: readonly [number, number]): AddedProduct => ({
  a: columns(down, 0, rank),
  b: tensorOf(to - from, rank),
  columns: [from, to],
});

const panel: Configuration = { kernel: "panel", depth: 64 };
const upright: Configuration = { kernel: "subgroup", rows: 16, lying: false };
const lying: Configuration = { kernel: "subgroup", rows: 16, lying: true };
const shared: Configuration = { kernel: "shared", tile: "64x64x8" };
const direct: Configuration = { kernel: "direct" };

const product = { layout: "NT" as Layout, cols, depth: 256, scale: 1 };

const additions = (
  { plus = [], residual = false }: {
    readonly plus?: ReadonlyArray<AddedProduct>;
    readonly residual?: boolean;
  },
  changed: Partial<typeof product> = {},
) =>
  additionsTo(
    { ...product, ...changed },
    { plus, residual: residual ? tensorOf(rows, cols) : undefined },
    adapter,
  );

const partsBy = (
  { fusedBy }: ReturnType<typeof additions>,
  configuration: Configuration,
): ReadonlyArray<string> => fusedBy(configuration).map(({ part }) => part);

const tail = [added(16, [0, cols])];

Deno.test("panels and upright tiles of subgroups add a residual and a tail themselves", () => {
  const both = additions({ plus: tail, residual: true });
  assert.ok(both.any && both.fitPanels);
  for (const configuration of [panel, upright]) {
    assert.deepEqual(partsBy(both, configuration), ["residual", "tail"]);
    assert.equal(depthOf(both.fusedBy(configuration)), 16);
  }
  for (const configuration of [lying, shared, direct]) {
    assert.deepEqual(partsBy(both, configuration), []);
  }
  const [residual] = additions({ residual: true }).fusedBy(panel);
  assert.deepEqual(residual!.params, { rSize: rows * cols });
  assert.equal(depthOf([residual!]), 0);
});

Deno.test("a residual joins x·Wᵀ alone, a tail no dYᵀ·X and nothing that is scaled", () => {
  const inNN = additions({ plus: tail, residual: true }, { layout: "NN" });
  assert.deepEqual(partsBy(inNN, upright), ["tail"]);
  const inTN = additions({ plus: tail, residual: true }, { layout: "TN" });
  assert.ok(!inTN.any);
  assert.deepEqual(partsBy(inTN, upright), []);
  const scaled = additions({ plus: tail }, { scale: 2 });
  assert.ok(!scaled.any && scaled.fitPanels);
});

Deno.test("a tail whose parts end inside a tile is left to dispatches of its own", () => {
  const parts = (end: number) => [added(16, [0, end]), added(16, [end, cols])];
  assert.ok(!additions({ plus: parts(40) }).any);
  // Columns of a tile of subgroups, but half of a panel's.
  const half = additions({ plus: parts(32) });
  assert.ok(half.any && !half.fitPanels);
  assert.deepEqual(partsBy(half, upright), ["tail"]);
  assert.ok(additions({ plus: parts(64) }).fitPanels);
});

Deno.test("a tail too long for panels is added behind them while it is short beside the product", () => {
  const long = { plus: [added(longestTail + 8, [0, cols])] };
  const deep = additions(long, { depth: 2 * (longestTail + 8) });
  assert.ok(deep.any && deep.fitPanels);
  assert.deepEqual(partsBy(deep, panel), []);
  assert.deepEqual(partsBy(deep, upright), ["tail"]);
  assert.ok(!additions(long, { depth: 2 * longestTail }).fitPanels);
  const longest = additions({ plus: [added(longestTail, [0, cols])] }, { depth: longestTail });
  assert.ok(longest.fitPanels);
  assert.deepEqual(partsBy(longest, panel), ["tail"]);
});
