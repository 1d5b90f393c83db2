import assert from "node:assert/strict";
import { readTotals } from "./run_tests.ts";

Deno.test("readTotals() reads deno's closing line, the last one, with or without colours", () => {
  assert.deepEqual(readTotals("ok | 12 passed | 0 failed (3s)\n"), { passed: 12, failed: 0 });
  assert.deepEqual(
    readTotals("ok | 1 passed | 0 failed\n\nFAILED | 5 passed (2 steps) | 1 failed (52ms)\n"),
    { passed: 5, failed: 1 },
  );
  assert.deepEqual(
    readTotals("\x1b[32mok\x1b[0m | 3 passed | 0 failed | 1 ignored \x1b[38;5;245m(1s)\x1b[0m"),
    { passed: 3, failed: 0 },
  );
  assert.equal(readTotals("error: Module not found"), undefined);
});
