import assert from "node:assert/strict";
import { Effect } from "effect";
import { hashExamples, hashValue } from "../../src/experiments/data_hash.ts";

const example = (ids: ReadonlyArray<number>, labels: ReadonlyArray<number>) => ({
  ids,
  supervised: ids.map((_, at) => labels.includes(at)),
});
const hash = (...examples: ReadonlyArray<ReturnType<typeof example>>) =>
  Effect.runPromise(hashExamples(examples));

Deno.test("hashExamples() is of tokens, labels and order, and of where an example ends", async () => {
  const [one, other] = [example([1, 2, 3], [2]), example([4, 5], [1])];
  const known = await hash(one, other);
  assert.match(known, /^[0-9a-f]{64}$/);
  assert.equal(await hash(example([1, 2, 3], [2]), example([4, 5], [1])), known);
  const different = await Promise.all([
    hash(other, one),
    hash(one),
    hash(example([1, 2, 3], [1, 2]), other),
    hash(example([1, 2, 7], [2]), other),
    hash(example([1, 2, 3, 4, 5], [2, 4])),
  ]);
  assert.equal(new Set([known, ...different]).size, 6);
});

Deno.test("hashValue() is of what JSON holds", async () => {
  const [a, b, c] = await Promise.all(
    [{ x: [1, "ö"] }, { x: [1, "ö"] }, { x: [1, "o"] }].map((value) =>
      Effect.runPromise(hashValue(value))
    ),
  );
  assert.equal(a, b);
  assert.notEqual(a, c);
});
