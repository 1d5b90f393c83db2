import assert from "node:assert/strict";
import { GpuError, sizeOf, type Tensor } from "../../src/gpu/gpu.ts";
import { columns } from "../../src/ops/matrix.ts";
import { askedOf, exchanged, productOf } from "../../src/ops/product.ts";
import type { PackedTensor } from "../../src/ops/unpack.ts";

// No product is made here: nobody binds the buffer.
const tensorOf = (...shape: ReadonlyArray<number>): Tensor => ({
  ...{ buffer: {} as GPUBuffer, offset: 0, bytes: 4 * sizeOf(shape), shape, dtype: "f32" },
});

const how = { scale: 2, accumulate: false } as const;
const shapes = {
  NT: [tensorOf(5, 8), tensorOf(12, 8)],
  NN: [tensorOf(5, 8), tensorOf(8, 12)],
  TN: [tensorOf(8, 5), tensorOf(8, 12)],
} as const;

for (const layout of ["NT", "NN", "TN"] as const) {
  const [a, b] = shapes[layout];

  Deno.test(`productOf() reads the sizes of ${layout} from its operands, and makes C`, () => {
    const asked: (readonly number[])[] = [];
    const { rows, depth, cols, c, scale, accumulate } = productOf(layout, a, b, {
      ...how,
      into: (shape) => {
        asked.push(shape);
        return tensorOf(...shape);
      },
    });
    assert.deepEqual([rows, depth, cols], [5, 8, 12]);
    assert.deepEqual(asked, [[5, 12]]);
    assert.deepEqual([c.rows, c.cols, c.offset, c.stride], [5, 12, 0, 12]);
    assert.deepEqual({ scale, accumulate }, how);
  });

  Deno.test(`productOf() names the operand of ${layout} that does not fit`, () => {
    const bindingOf = (right: Tensor, into: Tensor): string => {
      try {
        productOf(layout, a, right, { ...how, into });
      } catch (error) {
        assert.ok(error instanceof GpuError && error.reason._tag === "ShapeMismatch");
        return error.reason.binding;
      }
      return "none";
    };
    assert.equal(bindingOf(b, tensorOf(5, 12)), "none");
    assert.equal(bindingOf(tensorOf(...b.shape.map((length) => length + 4)), tensorOf(5, 12)), "b");
    assert.equal(bindingOf(b, tensorOf(12, 5)), "c");
  });
}

Deno.test("productOf() writes a window of a tensor", () => {
  const [a, b] = shapes.NT;
  const { c } = productOf("NT", a, b, { ...how, into: columns(tensorOf(5, 20), 8, 20) });
  assert.deepEqual([c.rows, c.cols, c.offset, c.stride], [5, 12, 8, 20]);
});

Deno.test("exchanged() is the product lying down, and itself when done twice", () => {
  const product = productOf("NN", ...shapes.NN, { ...how, into: tensorOf(5, 12) });
  const lying = exchanged(product);
  assert.deepEqual([lying.rows, lying.depth, lying.cols], [12, 8, 5]);
  assert.equal(lying.a.tensor, shapes.NN[1]);
  assert.equal(lying.b.tensor, shapes.NN[0]);
  assert.equal(lying.c, product.c);
  assert.deepEqual(exchanged(lying), product);
});

Deno.test("a packed operand is asked for by its format, and cannot be exchanged", () => {
  const words = { ...tensorOf(48), dtype: "u32" } as const;
  const packed: PackedTensor = { format: "f16", words, shape: [12, 8] };
  const product = productOf("NT", shapes.NT[0], packed, { ...how, into: tensorOf(5, 12) });
  assert.deepEqual(askedOf("NT", product), {
    ...{ layout: "NT", format: "f16", rows: 5, depth: 8, cols: 12 },
  });
  const plain = productOf("NT", ...shapes.NT, { ...how, into: tensorOf(5, 12) });
  assert.equal(askedOf("NT", plain).format, "f32");
  assert.throws(() => exchanged(product), /packed/);
});
