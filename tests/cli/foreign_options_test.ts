import assert from "node:assert/strict";
import { Effect } from "effect";
import { diversifyVerb } from "../../src/cli/diversify.ts";
import { sampleVerb } from "../../src/cli/sample.ts";
import { trainVerb } from "../../src/cli/train.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { tuneVerb } from "../../src/cli/tune.ts";
import { runVerb, saidBy } from "../support/run_verb.ts";

const done = () => Effect.succeed({ text: "", document: {} });
type Args = ReadonlyArray<string>;
const sample = (...args: Args) => runVerb(sampleVerb(done), "--out", "s.jsonl", ...args);
const diversify = (...args: Args) => runVerb(diversifyVerb(done), ...args);
const tune = (...args: Args) => runVerb(tuneVerb(done), ...args);

for (
  const [name, run, foreign] of [
    ["sample", sample, ["data", "diverse", "seeds"]],
    ["diversify", diversify, ["model", "data", "diverse", "init-adapter", "seeds"]],
    ["tune", tune, ["data", "diverse", "init-adapter", "seeds"]],
  ] as const
) {
  Deno.test(`${name} refuses options that say nothing to it`, async () => {
    assert.equal((await run()).failure, undefined);
    for (const flag of foreign) {
      const said = saidBy(await run(`--${flag}`, "4"));
      assert.match(said, new RegExp(`Unrecognized flag: --${flag} in command ${name}`));
    }
  });
}

Deno.test("train refuses diverse chats without those of a task", async () => {
  const train = trainVerb(runTrain);
  for (const given of [["--diverse", "none.jsonl"], ["--set", "data.diverse=none.jsonl"]]) {
    const said = saidBy(await runVerb(train, ...given));
    assert.match(said, /^The config has 1 problem\n {2}data\.diverse: goes with .* --data FILE/);
  }
});
