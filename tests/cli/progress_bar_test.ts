import assert from "node:assert/strict";
import { lineProgress } from "../../src/cli/progress_bar.ts";

Deno.test("lineProgress() says when a part begins, every few seconds, and when it ends", () => {
  const lines: Array<string> = [];
  let time = 100;
  const progress = lineProgress((line) => void lines.push(line), () => time);
  const part = progress.begin("delia, seed 42", 50, "steps");
  for (let step = 1; step <= 50; step++) {
    time += 0.25;
    part.advance(step, `loss ${(4 / step).toFixed(2)}`);
  }
  part.end();
  assert.deepEqual(lines, [
    "delia, seed 42: 50 steps",
    "delia, seed 42: 20/50 steps, loss 0.20, 8 s left",
    "delia, seed 42: 40/50 steps, loss 0.10, 3 s left",
    "delia, seed 42: done, loss 0.08, 12.5 s",
  ]);
});
