/**
 * Unrolls the marked loops of a kernel and names the elements of its marked arrays.
 *
 * An accumulator array indexed by a loop runs several times slower than named variables, so kernels
 * with register tiles are written as ordinary WGSL and expanded before they are compiled:
 *
 * - `//: unroll` on the line before `for (var i = from; i < to; i++) {` (or `i += step`) replaces the
 *   loop by one block for each value, in which `i` is that number. The block closes with a line that
 *   holds only `}`, indented like the `for`.
 * - `//: split` on the line before `var name: array<T, n>;` replaces the array by `name_0: T`,
 *   `name_1: T`, … for the rest of its function, and each `name[index]` by the variable it means.
 *
 * Bounds, lengths and split indices are made of numbers, loop variables, module constants written
 * `const NAME = 8u;`, `+ - * / %` and parentheses. Nothing else is touched: without expansion a kernel
 * means the same, it is only slower.
 *
 * @module
 */

/** Replacement values of a kernel's module constants, by name. */
export type Sizes = Readonly<Record<string, number>>;

/** `source` expanded, after its `const NAME = …u;` are set to `sizes`. Throws on a malformed directive. */
export const expand = (source: string, sizes: Sizes = {}): string => {
  const constants = new Map<string, number>();
  const sized = source.replace(/^const (\w+) = (\d+)u;/gm, (_, name: string, value: string) => {
    constants.set(name, sizes[name] ?? Number(value));
    return `const ${name} = ${constants.get(name)}u;`;
  });
  for (const name in sizes) {
    if (!constants.has(name)) throw new Error(`expand: the kernel has no constant ${name}`);
  }
  return split(unroll(sized.split("\n"), constants), constants).join("\n");
};

type Constants = ReadonlyMap<string, number>;

const loop = /^(\s*)for \(var (\w+) = (.+); \2 < (.+); \2(?:\+\+| \+= (.+))\) \{$/;
const array = /^(\s*)var (\w+): array<(.+), ([^,]+)>;$/;

const unroll = (lines: ReadonlyArray<string>, constants: Constants): string[] => {
  const out: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (line.trim() !== "//: unroll") {
      out.push(line);
      continue;
    }
    const [, indent = "", name = "", from = "", to = "", step = "1"] =
      loop.exec(lines[at + 1] ?? "") ?? malformed(line, lines[at + 1]);
    const close = lines.indexOf(`${indent}}`, at + 2);
    if (close < 0) malformed(lines[at + 1]!, "no closing brace");
    const body = lines.slice(at + 2, close);
    const stride = evaluate(step, constants);
    if (stride < 1) malformed(lines[at + 1]!, "the step is not positive");
    for (let i = evaluate(from, constants); i < evaluate(to, constants); i += stride) {
      const named = new RegExp(`(?<![\\w.])${name}\\b`, "g");
      const copy = body.map((text) => text.replace(named, `${i}u`));
      out.push(`${indent}{`, ...unroll(copy, constants), `${indent}}`);
    }
    at = close;
  }
  return out;
};

const split = (lines: ReadonlyArray<string>, constants: Constants): string[] => {
  const out: string[] = [];
  let lengths = new Map<string, number>();
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (line === "}") lengths = new Map(); // the end of a function
    if (line.trim() !== "//: split") {
      out.push(rename(line, lengths, constants));
      continue;
    }
    const [, indent = "", name = "", type = "", length = ""] = array.exec(lines[at + 1] ?? "") ??
      malformed(line, lines[at + 1]);
    const count = evaluate(length, constants);
    for (let i = 0; i < count; i++) out.push(`${indent}var ${name}_${i}: ${type};`);
    lengths.set(name, count);
    at += 1;
  }
  return out;
};

const rename = (line: string, lengths: Constants, constants: Constants): string => {
  let text = line;
  for (const [name, length] of lengths) {
    const pattern = new RegExp(`(?<![\\w.])${name}\\[([^\\[\\]]+)\\]`, "g");
    text = text.replace(pattern, (_, index: string) => {
      const element = evaluate(index, constants);
      if (element >= length) malformed(line, `${name} has ${length} elements`);
      return `${name}_${element}`;
    });
  }
  return text;
};

// Integer arithmetic as WGSL does it on u32: division truncates.
const evaluate = (expression: string, constants: Constants): number => {
  const tokens = expression.match(/\w+|[^\s\w]/g) ?? [];
  let at = 0;
  const atom = (): number => {
    const token = tokens[at++] ?? "";
    if (token === "(") {
      const inner = sum();
      if (tokens[at++] !== ")") malformed(expression, "a parenthesis is open");
      return inner;
    }
    if (/^\d+u?$/.test(token)) return parseInt(token);
    return constants.get(token) ?? malformed(expression, `${token} is not a known number`);
  };
  const product = (): number => {
    let left = atom();
    for (let sign = tokens[at]; sign === "*" || sign === "/" || sign === "%"; sign = tokens[at]) {
      at += 1;
      const right = atom();
      left = sign === "*" ? left * right : sign === "/" ? Math.floor(left / right) : left % right;
    }
    return left;
  };
  const sum = (): number => {
    let left = product();
    for (let sign = tokens[at]; sign === "+" || sign === "-"; sign = tokens[at]) {
      at += 1;
      const right = product();
      left = sign === "+" ? left + right : left - right;
    }
    return left;
  };
  const value = sum();
  if (at < tokens.length) malformed(expression, `${tokens[at]} is not expected`);
  return value;
};

const malformed = (where: string, found: string | undefined): never => {
  throw new Error(`expand: cannot expand "${where.trim()}": ${found?.trim() ?? "the file ends"}`);
};
