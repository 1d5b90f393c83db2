/** Gives a parsed chat template the text functions of Python, where the library has others. @module */

// The library's strip, lstrip and rstrip do not look at their argument (`content.lstrip('\n')` would
// take spaces too), its white space is JavaScript's, its length counts UTF-16 units, its capitalize
// leaves the rest as it is, and its strftime_now reads the clock. None of that shows as an error.

/** A node of a parsed template; the fields depend on its type. */
type Node = { type?: unknown; [field: string]: unknown };

const methods: ReadonlyMap<string, string> = new Map([
  ["strip", "python_strip"],
  ["lstrip", "python_lstrip"],
  ["rstrip", "python_rstrip"],
  ["capitalize", "python_capitalize"],
]);
const filters: ReadonlyMap<string, string> = new Map([
  ["trim", "python_strip"],
  ["length", "python_length"],
  ["count", "python_length"],
  ["capitalize", "python_capitalize"],
]);

const WHITE =
  "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007" +
  "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

const strip = (name: string, sides: { readonly left: boolean; readonly right: boolean }) =>
(
  text: unknown,
  characters: unknown = WHITE,
): string => {
  if (typeof text !== "string") throw new Error(`${name} of something that is not a text`);
  const taken = new Set(characters === null ? WHITE : String(characters));
  const chars = Array.from(text);
  let [from, to] = [0, chars.length];
  while (sides.left && from < to && taken.has(chars[from] ?? "")) from++;
  while (sides.right && to > from && taken.has(chars[to - 1] ?? "")) to--;
  return chars.slice(from, to).join("");
};

const lengthOf = (value: unknown): number => {
  if (typeof value === "string") return Array.from(value).length;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (value === undefined) return 0;
  throw new Error("length of something that is neither a text nor a list");
};

const capitalize = (text: unknown): string => {
  const [first = "", ...rest] = String(text);
  return first.toUpperCase() + rest.join("").toLowerCase();
};

// Templates of the Llama 3 and SmolLM3 families print today's date. The same data must give the same
// tokens on any day, so it is this one: the date that Llama 3 templates fall back on.
const DATE_PARTS: Readonly<Record<string, string>> = {
  ...{ d: "26", e: "26", j: "208", m: "07", b: "Jul", B: "July", y: "24", Y: "2024" },
  ...{ a: "Fri", A: "Friday", H: "00", I: "12", M: "00", S: "00", p: "AM", "%": "%" },
};

const fixedDate = (format: unknown): string =>
  String(format).replace(/%(.?)/gs, (written, part: string) => {
    const value = DATE_PARTS[part];
    if (value === undefined) throw new Error(`strftime_now does not know ${written}`);
    return value;
  });

/** What a template may name once {@linkcode usePython} has changed it. */
export const pythonFunctions: Readonly<Record<string, unknown>> = {
  python_strip: strip("strip", { left: true, right: true }),
  python_lstrip: strip("lstrip", { left: true, right: false }),
  python_rstrip: strip("rstrip", { left: false, right: true }),
  python_length: lengthOf,
  python_capitalize: capitalize,
  fixed_date: fixedDate,
  date_string: fixedDate("%d %b %Y"),
};

/** Changes a parsed template in place: calls of {@linkcode pythonFunctions} for the library's own. */
export const usePython = (node: unknown): void => {
  if (Array.isArray(node)) return node.forEach(usePython);
  if (node instanceof Map) return node.forEach((value, key) => [key, value].forEach(usePython));
  if (!isNode(node)) return;
  Object.values(node).forEach(usePython);
  const { type, callee, filter, operand } = node;
  if (type === "Identifier" && node["value"] === "strftime_now") node["value"] = "fixed_date";
  if (type === "CallExpression" && isNode(callee) && callee["computed"] === false) {
    call(node, methods.get(nameOf(callee["property"])), callee["object"], node["args"]);
  }
  if (type === "FilterExpression" && isNode(filter)) {
    const called = filter.type === "CallExpression";
    const name = nameOf(called ? filter["callee"] : filter);
    call(node, filters.get(name), operand, called ? filter["args"] : []);
  }
};

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null;

const nameOf = (node: unknown): string =>
  isNode(node) && node.type === "Identifier" ? String(node["value"]) : "";

const call = (node: Node, name: string | undefined, text: unknown, args: unknown): void => {
  if (name === undefined || !Array.isArray(args)) return;
  for (const field of Object.keys(node)) delete node[field];
  node.type = "CallExpression";
  node["callee"] = { type: "Identifier", value: name };
  node["args"] = [text, ...args];
};
