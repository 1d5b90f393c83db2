import assert from "node:assert/strict";
import { formatBytes } from "../../src/report/columns.ts";

Deno.test("formatBytes() keeps two figures", () => {
  assert.deepEqual([0, 512, 1536, 20 * 2 ** 20, 3 * 2 ** 30].map(formatBytes), [
    "0 B",
    "512 B",
    "1.5 KiB",
    "20 MiB",
    "3.0 GiB",
  ]);
});
