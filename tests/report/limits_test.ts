import assert from "node:assert/strict";
import { limitsOf } from "../../src/report/limits.ts";
import { sampleArm, sampleRun } from "./sample_run.ts";

const ofTests = /rate counts|standard error|paper|L2|format of answers/;

Deno.test("limitsOf() speaks of rates, distances and the paper where there are some", () => {
  const text = limitsOf(sampleRun(1)).join("\n");
  assert.match(text, /closed miniature language/);
  assert.match(text, /Each rate counts 200 prompts: .* of up to 0\.035/);
  assert.match(text, /Llama-2-7B/);
  assert.match(text, /L2 is no measure/);
  assert.match(text, /Common tuning for one epoch/);
  assert.match(text, /All arms share one learning rate/);
  assert.match(text, /One seed: arms that differ little/);
});

Deno.test("limitsOf() says of a run that nothing tested only what applies to it", () => {
  const run = sampleRun(1);
  const config = { ...run.config, data: { ...run.config.data, downstream: "own.jsonl" } };
  const limits = limitsOf({ config, arms: [{ ...sampleArm("delia", 42), metrics: {} }] });
  assert.doesNotMatch(limits.join("\n"), ofTests);
  assert.doesNotMatch(limits.join("\n"), /arms|epoch|miniature/);
  assert.match(limits[0]!, /^Nothing was tested: /);
});

Deno.test("limitsOf() speaks of rates alone where no distance was measured", () => {
  const run = sampleRun(1);
  const rates = run.arms.map((arm) => ({
    ...arm,
    metrics: { t1_held_out_phrasing: 1, l2_json_first: NaN },
  }));
  const text = limitsOf({ ...run, arms: rates }).join("\n");
  assert.match(text, /Each rate counts/);
  assert.doesNotMatch(text, /L2/);
});
