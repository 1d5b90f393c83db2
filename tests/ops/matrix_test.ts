import assert from "node:assert/strict";
import type { Tensor } from "../../src/gpu/gpu.ts";
import { assertShape, columns, flat, matrixOf, rowsOf } from "../../src/ops/matrix.ts";

// Nothing is computed with it.
const tensor: Tensor = {
  buffer: {} as GPUBuffer,
  offset: 0,
  bytes: 96,
  shape: [4, 6],
  dtype: "f32",
};

Deno.test("matrixOf() takes a tensor of two axes whole, and a matrix as it is", () => {
  const matrix = matrixOf(tensor);
  assert.deepEqual(matrix, { tensor, rows: 4, cols: 6, offset: 0, stride: 6 });
  assert.equal(matrixOf(matrix), matrix);
  assert.throws(
    () => matrixOf({ ...tensor, shape: [2, 2, 6] }),
    /Expected a tensor of two axes but found \[2,2,6\]/,
  );
});

Deno.test("rowsOf() and columns() take windows of windows", () => {
  const window = columns(rowsOf(columns(tensor, 1, 6), 1, 4), 2, 4);
  assert.deepEqual(window, { tensor, rows: 3, cols: 2, offset: 1 + 6 + 2, stride: 6 });
});

Deno.test("rowsOf() and columns() refuse what the matrix does not have", () => {
  const matrix = { tensor, rows: 2, cols: 4, offset: 0, stride: 6 };
  assert.throws(() => columns(matrix, 2, 5), /Expected columns within \[0, 4\) but found \[2, 5\)/);
  assert.throws(() => rowsOf(matrix, -1, 1), /Expected rows within \[0, 2\) but found \[-1, 1\)/);
});

Deno.test("flat() keeps the memory and drops the axes", () => {
  assert.deepEqual(flat(matrixOf(tensor)), { ...tensor, shape: [24] });
});

Deno.test("assertShape() names the operand, what it should be and what it is", () => {
  assertShape("b", [4, 6], matrixOf(tensor));
  assert.throws(
    () => assertShape("b", [6, 4], matrixOf(tensor)),
    { message: "matmul: b should be [6,4] but is [4,6]" },
  );
});
