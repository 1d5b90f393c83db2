import assert from "node:assert/strict";
import { Effect, Scope } from "effect";
import { withInvertedLoops } from "../../src/gpu/inverted_loops.ts";
import { Gpu, openGpu } from "../../src/gpu/gpu.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";

const plain = (text: string): string => text.replace(/\s+/g, " ").trim();

Deno.test("withInvertedLoops() tests at the end of a loop", () => {
  assert.equal(
    plain(
      withInvertedLoops("for (var i = 0u; i < n; i += 2u) { sum += f(i); } // a (loop) {\nx();"),
    ),
    "{ var i = 0u; if (i < n) { loop { { sum += f(i); } " +
      "continuing { i += 2u; break if !(i < n); } } } } x();",
  );
  assert.equal(
    plain(withInvertedLoops("while (at < end) { at++; }")),
    "{ if (at < end) { loop { { at++; } continuing { break if !(at < end); } } } }",
  );
});

Deno.test("withInvertedLoops() leaves a loop without a test, and inverts what is in it", () => {
  assert.equal(
    plain(withInvertedLoops("for (var i = 0u;; i++) { while (a) { x(); } if (b) { break; } }")),
    "for (var i = 0u;; i++) { { if (a) { loop { { x(); } continuing { break if !(a); } } } } " +
      "if (b) { break; } }",
  );
});

Deno.test("withInvertedLoops() says which loop is open", () => {
  assert.throws(
    () => withInvertedLoops("for (var i = 0u; i < n; i++) { x();"),
    /open after ".*i\+\+/,
  );
});

// Sums of the turns that a loop may take: nested, left early, of no turn, and by another step.
const kernel: Kernel<"out", "rows"> = {
  name: "loops",
  source: `
struct Params { rows: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.rows) { return; }
  var sum = 0u;
  for (var i = 0u; i < id.x; i++) {
    if (i == 5u) { continue; }
    for (var j = i; j < 2u * id.x; j += 3u) {
      if (j > 11u) { break; }
      sum += 10u * i + j;
    }
  }
  var left = id.x;
  while (left > 2u) {
    left -= 2u;
    sum += 1000u;
  }
  out[id.x] = sum;
}
`,
  params: { rows: "u32" },
  bindings: { out: { access: "out", dtype: "u32", shape: ({ rows }) => [rows] } },
  workgroups: ({ rows }) => Math.ceil(rows / 8),
};

const expectedOf = (row: number): number => {
  let sum = 0;
  for (let i = 0; i < row; i++) {
    if (i === 5) continue;
    for (let j = i; j < 2 * row && j <= 11; j += 3) sum += 10 * i + j;
  }
  return sum + 1000 * Math.max(0, Math.ceil((row - 2) / 2));
};

Deno.test("a kernel takes the same turns with inverted loops", async () => {
  const rows = 21;
  const expected = Uint32Array.from({ length: rows }, (_, row) => expectedOf(row));
  const gpu = await openGpu();
  const program = Effect.gen(function* () {
    for (const source of [kernel.source, withInvertedLoops(kernel.source)]) {
      const out = yield* gpu.submit((pass) => {
        const out = pass.tensor([rows], "u32");
        pass.dispatch({ ...kernel, source }, { rows }, { out });
        return out;
      });
      assert.deepEqual(yield* gpu.downloadU32(out), expected);
    }
  });
  const scope = Effect.runSync(Scope.make());
  await Effect.runPromise(Effect.provideService(Scope.provide(program, scope), Gpu, gpu));
});
