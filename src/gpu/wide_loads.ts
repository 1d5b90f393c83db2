/**
 * Lets a software driver move vectors of floats and words in parts of 64 bits.
 *
 * Mesa's software driver loads and stores each 32-bit number of each lane by itself, behind branches
 * that ask whether the lane is active and the index in bounds; they are half the time of a matrix
 * product. A 64-bit number takes as long as a 32-bit one, so vectors of an even length cost half; eight
 * floats, as a matrix of two columns, are asked for once where two vectors of four are asked for twice.
 *
 * @module
 */

// What a storage array holds, what it is bound as, and the functions that convert an element.
const wider = {
  "mat2x4<f32>": { bound: "vec4<u64>", read: "eightOf", written: "quartersOf" },
  "vec4<f32>": { bound: "vec2<u64>", read: "vec4Of", written: "halvesOf" },
  "vec4<u32>": { bound: "vec2<u64>", read: "wordsOf", written: "halvesOfWords" },
  "vec2<u32>": { bound: "u64", read: "pairOf", written: "wholeOf" },
} as const;

const binding =
  /var<storage, (read|read_write)> (\w+): array<(mat2x4<f32>|vec4<f32>|vec4<u32>|vec2<u32>)>;/g;

const conversions = `
fn vec4Of(halves: vec2<u64>) -> vec4<f32> { return bitcast<vec4<f32>>(wordsOf(halves)); }
fn halvesOf(floats: vec4<f32>) -> vec2<u64> { return halvesOfWords(bitcast<vec4<u32>>(floats)); }

fn eightOf(quarters: vec4<u64>) -> mat2x4<f32> {
  return mat2x4(vec4Of(quarters.xy), vec4Of(quarters.zw));
}
fn quartersOf(floats: mat2x4<f32>) -> vec4<u64> {
  return vec4(halvesOf(floats[0]), halvesOf(floats[1]));
}

fn wordsOf(halves: vec2<u64>) -> vec4<u32> {
  let low = vec2<u32>(halves);
  let high = vec2<u32>(halves >> vec2(32u));
  return vec4(low.x, high.x, low.y, high.y);
}

fn halvesOfWords(words: vec4<u32>) -> vec2<u64> {
  return vec2<u64>(words.xz) | (vec2<u64>(words.yw) << vec2(32u));
}

fn pairOf(whole: u64) -> vec2<u32> { return vec2(u32(whole), u32(whole >> 32u)); }
fn wholeOf(pair: vec2<u32>) -> u64 { return u64(pair.x) | (u64(pair.y) << 32u); }
`;

type Wider = typeof wider[keyof typeof wider];

/**
 * `source` with every storage `array<vec4<f32>>` and `array<vec4<u32>>` bound as `array<vec2<u64>>`, every
 * `array<vec2<u32>>` as `array<u64>`, every `array<mat2x4<f32>>` as `array<vec4<u64>>`, and what is read of them or written to them converted: the same
 * numbers. Needs 64-bit integers in shaders. Elements are read whole (`a[i]`, `a[i].x`) and written whole (`a[i] = …;`,
 * `a[i] += …;`).
 */
export const withWideLoads = (source: string): string => {
  const arrays = new Map<string, Wider>();
  const code = source.replace(/\/\/.*$/gm, ""); // a comment may write a[i] = x too
  const bound = code.replace(
    binding,
    (_, access: string, name: string, type: keyof typeof wider) => {
      arrays.set(name, wider[type]);
      return `var<storage, ${access}> ${name}: array<${wider[type].bound}>;`;
    },
  );
  if (arrays.size === 0) return source;
  const access = new RegExp(`(?<![\\w.&])(${[...arrays.keys()].join("|")})\\[`, "g");
  return converted(bound, access, arrays) + conversions;
};

// In `text`, also within brackets: `a[at]` → `vec4Of(a[at])`; `a[at] = x;` → `a[at] = halvesOf(x);`.
const converted = (text: string, access: RegExp, arrays: ReadonlyMap<string, Wider>): string => {
  let out = "";
  let from = 0;
  for (const { 0: start, 1: name = "", index } of text.matchAll(access)) {
    if (index < from) continue;
    const { read, written } = arrays.get(name)!;
    const open = index + start.length;
    const close = closing(text, open);
    const element = `${start}${converted(text.slice(open, close), access, arrays)}]`;
    const assigned = /^\s*(\+?)=(?!=)\s*([^;]*);/.exec(text.slice(close + 1));
    out += text.slice(from, index);
    if (assigned) {
      const [statement, plus, value = ""] = assigned;
      const sum = plus ? `${read}(${element}) + ` : "";
      out += `${element} = ${written}(${sum}${converted(value, access, arrays)});`;
      from = close + 1 + statement.length;
    } else {
      out += `${read}(${element})`;
      from = close + 1;
    }
  }
  return out + text.slice(from);
};

const closing = (text: string, open: number): number => {
  let depth = 1;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "[") depth++;
    else if (text[at] === "]" && --depth === 0) return at;
  }
  throw new Error(`withWideLoads: a bracket is open after "${text.slice(open - 20, open)}"`);
};
