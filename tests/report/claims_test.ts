import assert from "node:assert/strict";
import type { ArmName } from "../../src/config/run_config.ts";
import type { RunResult } from "../../src/experiments/result.ts";
import { claimsOf, verdict } from "../../src/report/claims.ts";
import { summarise } from "../../src/report/summary.ts";
import { sampleArm, sampleRun } from "./sample_run.ts";

const verdicts = (run: RunResult): ReadonlyArray<string> =>
  claimsOf(summarise(run), "<sep>").map(verdict);

/** The sample with one metric of one arm changed. */
const changed = (name: ArmName, metric: string, value: number): RunResult => {
  const run = sampleRun(1);
  const arms = run.arms.map((arm) =>
    arm.name === name ? { ...arm, metrics: { ...arm.metrics, [metric]: value } } : arm
  );
  return { ...run, arms };
};

Deno.test("claimsOf() finds that the claims hold, or not, from the means", () => {
  assert.deepEqual(verdicts(sampleRun(1)), ["holds", "holds", "does not hold"]);
  assert.equal(verdicts(changed("delia", "t1_held_out_phrasing", 0.1))[0], "does not hold");
  assert.equal(verdicts(changed("common_matched_steps", "t4_no_token", 1))[1], "does not hold");
  assert.equal(verdicts(changed("delia", "l2_json_first", 3))[2], "holds");
});

Deno.test("claimsOf() says that it cannot tell, when an arm or a number is missing", () => {
  const run = { ...sampleRun(1), arms: [sampleArm("delia", 42)] };
  assert.deepEqual(verdicts(run), ["cannot be told", "cannot be told", "cannot be told"]);
  assert.equal(verdicts(changed("base", "l2_json_first", NaN))[2], "cannot be told");
  const control = changed("common_matched_steps", "l2_json_first", NaN);
  assert.equal(verdicts(control)[2], "cannot be told");
});

Deno.test("claimsOf() shows a control above DELIA as that", () => {
  const [phrasing] = claimsOf(summarise(sampleRun(1)), "<sep>");
  assert.match(phrasing?.text ?? "", /common matched steps, has 1\.000: it is above DELIA/);
});

Deno.test("claimsOf() holds DELIA's nearness against the control, and against the base's distance", () => {
  const nearness = (delia: number, control: number) => {
    const l2 = { base: 112, common_one_epoch: 112, common_matched_steps: control, delia };
    const run = sampleRun(1);
    const arms = Object.entries(l2).map(([name, l2_json_first]) => ({
      ...sampleArm(name as ArmName, 42),
      metrics: { l2_json_first },
    }));
    const claim = claimsOf(summarise({ ...run, arms }), "<sep>")[2]!;
    return [verdict(claim), claim.text] as const;
  };
  const [farther, named] = nearness(102, 99);
  assert.equal(farther, "does not hold");
  assert.match(named, /common matched steps, has 99\.0: it is nearer than DELIA/);
  const [barely, kept] = nearness(104, 107);
  assert.equal(barely, "does not hold");
  assert.match(
    kept,
    /has 107\.0: DELIA is nearer than it\. Of the base's distance DELIA keeps 93 %/,
  );
  assert.match(kept, /\(the paper's 1 %\)/);
  assert.equal(nearness(3, 107)[0], "holds");
});
