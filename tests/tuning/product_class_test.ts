import assert from "node:assert/strict";
import type { AskedProduct } from "../../src/gpu/tuning.ts";
import { classOf } from "../../src/tuning/product_class.ts";

const product = (rows: number, depth: number, cols: number): AskedProduct => ({
  ...{ layout: "NT", format: "bf16" },
  ...{ rows, depth, cols },
});

Deno.test("classOf() tells heights of tiles apart, and beyond them factors of four", () => {
  assert.equal(classOf(product(1, 4, 4)), "NT bf16 1x4x4");
  assert.equal(classOf(product(3, 8, 12)), "NT bf16 4x8x16");
  assert.equal(classOf(product(16, 20, 64)), "NT bf16 16x64x64");
  assert.equal(classOf(product(65, 256, 260)), "NT bf16 256x256x1024");
  assert.equal(classOf(product(1025, 4096, 49_152)), "NT bf16 4096x4096x4096");
});

Deno.test("classOf() tells products apart whose numbers do not come in fours", () => {
  assert.equal(classOf(product(3, 8, 97)), "NT bf16 4x8x256 odd");
  assert.equal(classOf(product(3, 7, 96)), "NT bf16 4x8x256 odd");
  assert.equal(classOf({ ...product(3, 7, 96), layout: "TN" }), "TN bf16 4x8x256");
});

Deno.test("classOf() tells layouts and formats apart", () => {
  const one = product(8, 8, 8);
  assert.equal(classOf({ ...one, layout: "TN", format: "f32" }), "TN f32 8x8x8");
});
