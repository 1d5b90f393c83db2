import assert from "node:assert/strict";
import { bf16ToF32, bytesToF32, f16ToF32, f32ToBf16, f32ToF16 } from "../../src/weights/f16.ts";

Deno.test("f32ToF16() and back keep what a half can hold, round the rest, and pass 65504 into infinity", () => {
  const kept = [0, 1, -2.5, 65_504, 2 ** -24, 6.103515625e-5];
  assert.deepEqual([...f16ToF32(f32ToF16(Float32Array.from(kept)))], kept);
  const rounded = f16ToF32(f32ToF16(Float32Array.from([0.1, 1e6, -1e6, 1e-9, NaN])));
  assert.deepEqual([...rounded], [0.0999755859375, Infinity, -Infinity, 0, NaN]);
});

Deno.test("bf16ToF32() takes the bits as the upper half of an f32", () => {
  const bits = Uint16Array.from([0x3f80, 0xc020, 0x7f80, 0x0000, 0x3dcd]);
  assert.deepEqual([...bf16ToF32(new Uint8Array(bits.buffer))], [
    1,
    -2.5,
    Infinity,
    0,
    0.10009765625,
  ]);
});

Deno.test("bytesToF32() reads from any byte offset", () => {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setFloat32(1, 1.5, true);
  new DataView(bytes.buffer).setFloat32(5, -3, true);
  assert.deepEqual([...bytesToF32(bytes.subarray(1))], [1.5, -3]);
});

Deno.test("f32ToBf16() rounds to nearest even and keeps NaN and infinities", () => {
  const bits = [0x3f808000, 0x3f818000, 0x3f808001, 0x7f7fffff, 0xff800000, 0x7f800001, 0xffffffff];
  const data = new Float32Array(Uint32Array.from(bits).buffer);
  const halves = new Uint16Array(f32ToBf16(data).buffer);
  const expected = [0x3f80, 0x3f82, 0x3f81, 0x7f80, 0xff80, 0x7fc0, 0xffff];
  assert.deepEqual([...halves], expected);
});
