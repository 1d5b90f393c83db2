import assert from "node:assert/strict";
import { initialRow, meanRow, type TrainedTable } from "../../src/delia/new_tokens.ts";
import { uniform } from "../support/numbers.ts";

const table: TrainedTable = { data: uniform(200 * 64, 5), vocab: 200, hidden: 64 };
const options = { seed: 1, stream: 0, initializerRange: 0.02, description: [3, 7] };

const deviation = (row: Float32Array): number =>
  Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / row.length);

Deno.test("initialRow() draws at the deviation that its recipe names", () => {
  assert.ok(Math.abs(deviation(initialRow("normal", table, options)) - 0.02) < 0.005);
  assert.ok(Math.abs(deviation(initialRow("unit_normal", table, options)) - 1) < 0.25);
  // The table is uniform in [-1, 1): its deviation is 1/√3.
  const matched = deviation(initialRow("matched_normal", table, options));
  assert.ok(Math.abs(matched - 3 ** -0.5) < 0.15, `${matched}`);
});

Deno.test("initialRow() reads the description's rows", () => {
  assert.deepEqual(initialRow("copy", table, options), table.data.slice(3 * 64, 4 * 64));
  const mean = initialRow("mean_of_description", table, options);
  assert.ok(Math.abs(mean[5]! - (table.data[3 * 64 + 5]! + table.data[7 * 64 + 5]!) / 2) < 1e-6);
  assert.deepEqual(initialRow("zero", table, options), new Float32Array(64));
});

Deno.test("initialRow() keeps hewitt's row within a hundredth of the mean row", () => {
  const row = initialRow("hewitt", table, options);
  const apart = Math.max(...row.map((x, i) => Math.abs(x - meanRow(table)[i]!)));
  assert.ok(apart > 0 && apart < 0.01, `${apart}`);
});

Deno.test("initialRow() gives two tokens two rows, and the same seed the same row", () => {
  const other = initialRow("matched_normal", table, { ...options, stream: 1 });
  assert.notDeepEqual(initialRow("matched_normal", table, options), other);
  assert.deepEqual(
    initialRow("matched_normal", table, options),
    initialRow("matched_normal", table, options),
  );
});
