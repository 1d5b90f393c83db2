import assert from "node:assert/strict";
import { expand } from "../../src/gpu/expand.ts";

const kernel = `const ROWS = 2u;
fn main() {
  //: split
  var sum: array<vec4<f32>, ROWS * 2u>;
  //: unroll
  for (var row = 0u; row < ROWS; row++) {
    //: unroll
    for (var half = 0u; half < 2u; half++) {
      sum[row * 2u + half] += arrow[row].row;
    }
  }
}
`;

const lines = (text: string) => text.split("\n").map((line) => line.trim()).filter(Boolean);

Deno.test("expand() repeats nested loops and names the elements of split arrays", () => {
  assert.deepEqual(lines(expand(kernel)), [
    "const ROWS = 2u;",
    "fn main() {",
    ...[0, 1, 2, 3].map((i) => `var sum_${i}: vec4<f32>;`),
    ...["{", "{", "sum_0 += arrow[0u].row;", "}", "{", "sum_1 += arrow[0u].row;", "}", "}"],
    ...["{", "{", "sum_2 += arrow[1u].row;", "}", "{", "sum_3 += arrow[1u].row;", "}", "}"],
    "}",
  ]);
});

Deno.test("expand() sets module constants before it repeats", () => {
  const expanded = expand(kernel, { ROWS: 3 });
  assert.match(expanded, /const ROWS = 3u;/);
  assert.match(expanded, /sum_5 \+=/);
  assert.doesNotMatch(expanded, /sum_6|sum\[/);
});

Deno.test("expand() ends a split array with its function", () => {
  const two = expand(`${kernel}fn other() {\n  sum[i] = 1.0;\n}\n`);
  assert.match(two, /sum\[i\] = 1\.0;/);
});

Deno.test("expand() counts by a step and leaves a file without directives alone", () => {
  const counted = "//: unroll\nfor (var i = 1u; i < 2u * (3u + 1u); i += 3u) {\n  f(i);\n}";
  assert.deepEqual(lines(expand(counted)), [
    "{",
    "f(1u);",
    "}",
    "{",
    "f(4u);",
    "}",
    "{",
    "f(7u);",
    "}",
  ]);
  assert.equal(expand("fn main() {}\n"), "fn main() {}\n");
});

Deno.test("expand() says what it could not expand", () => {
  assert.throws(() => expand(kernel, { COLS: 3 }), /the kernel has no constant COLS/);
  assert.throws(() => expand("//: unroll\nloop {"), /cannot expand "\/\/: unroll": loop \{/);
  assert.throws(
    () => expand(kernel.replace("sum[row * 2u + half]", "sum[row * 2u + lane]")),
    /lane is not a known number/,
  );
  assert.throws(
    () => expand(kernel.replace("sum[row * 2u", "sum[row * 3u")),
    /sum has 4 elements/,
  );
});
