import assert from "node:assert/strict";
import { barLine, fitLine, lineProgress } from "../../src/cli/progress_bar.ts";

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

const half = { label: "testing delia", done: 600, total: 1200, unit: "prompts", note: "" };

Deno.test("barLine() takes from bar and label what the width lacks, never from count and time", () => {
  const long = { ...half, label: "testing common_matched_steps (seed 42)", note: "loss 0.300" };
  for (let width = 32; width <= 120; width++) {
    const line = barLine({ ...long, left: 95 }, width);
    assert.ok(line.length < width, `${width}: ${line}`);
    assert.match(line, / 600\/1200 .*1m35s left$/, `${width}`);
  }
  const at = (width: number) => barLine({ ...long, left: 95 }, width);
  assert.match(at(120), /^testing common_matched_steps \(seed 42\) █{12}░{12} +600\/1200 prompts/);
  assert.match(at(80), /^testing common_matched_steps \(seed 42\) +600\/1200 prompts loss 0\.300 /);
  assert.match(at(40), /^testing comm.*… +600\/1200 1m35s left$/);
  const end = { ...long, done: 1200, left: 0 };
  assert.match(barLine(end, 40), / 1200\/1200 prompts loss 0\.300$/);
});

Deno.test("barLine() tells no time before anything is done, nor after all is", () => {
  for (const done of [0, 1200]) {
    assert.match(barLine({ ...half, done, left: 0 }, 80), /\/1200 prompts$/);
  }
  assert.match(barLine({ ...half, left: 5 }, 80), / 5s left$/);
  assert.match(barLine({ ...half, left: 3720 }, 80), / 1h02m left$/);
  assert.match(barLine({ ...half, left: Infinity }, 80), /\/1200 prompts$/);
});

Deno.test("fitLine() breaks a long line at blanks below its margin, but no word", () => {
  assert.deepEqual(fitLine("one line", 40), "one line");
  assert.deepEqual(
    fitLine("  --set training.maxTokens=64   (activations, prompts)", 40),
    "  --set training.maxTokens=64\n    (activations, prompts)",
  );
  const path = `run folder ${"x".repeat(50)}`;
  assert.equal(fitLine(path, 40), path);
});
