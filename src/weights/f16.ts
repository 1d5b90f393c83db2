/** Conversions between f32 and the two half-width formats that checkpoints use. @module */

/** Little-endian IEEE half floats → f32, exact. */
export const f16ToF32 = (bytes: Uint8Array): Float32Array =>
  new Float32Array(new Float16Array(own(bytes)));

/** f32 → little-endian IEEE half floats, rounded to nearest even; past 65 504 becomes infinity. */
export const f32ToF16 = (data: Float32Array): Uint8Array =>
  new Uint8Array(new Float16Array(data).buffer);

/** Little-endian bfloat16 → f32, exact: the upper half of the same bits. */
export const bf16ToF32 = (bytes: Uint8Array): Float32Array => {
  const halves = new Uint16Array(own(bytes));
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
};

/** f32 → little-endian bfloat16, rounded to nearest even; a NaN stays one. */
export const f32ToBf16 = (data: Float32Array): Uint8Array => {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const halves = new Uint16Array(data.length);
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i]!;
    const nan = (value & 0x7fffffff) > 0x7f800000;
    halves[i] = nan ? value >>> 16 | 0x40 : (value + 0x7fff + (value >>> 16 & 1)) >>> 16;
  }
  return new Uint8Array(halves.buffer);
};

/** Little-endian f32 bytes → f32, copied only where they are part of a larger buffer. */
export const bytesToF32 = (bytes: Uint8Array): Float32Array => new Float32Array(own(bytes));

/** The bytes as a buffer that starts with them, copied where they are a view of a larger one. */
const own = (bytes: Uint8Array): ArrayBuffer => {
  const { buffer, byteLength } = bytes;
  const whole = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength;
  return whole ? buffer : new Uint8Array(bytes).buffer;
};
