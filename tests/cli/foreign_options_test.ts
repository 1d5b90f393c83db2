import assert from "node:assert/strict";
import { Effect } from "effect";
import { diversifyVerb } from "../../src/cli/diversify.ts";
import { evalVerb, runEval } from "../../src/cli/eval.ts";
import { inspectVerb } from "../../src/cli/inspect.ts";
import { mixVerb } from "../../src/cli/mix.ts";
import { onModel } from "../../src/cli/model_source.ts";
import { onGpu } from "../../src/cli/on_gpu.ts";
import { sampleVerb } from "../../src/cli/sample.ts";
import { trainVerb } from "../../src/cli/train.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { tuneVerb } from "../../src/cli/tune.ts";
import { runVerb, saidBy } from "../support/run_verb.ts";

const done = () => Effect.succeed({ text: "", document: {} });
type Args = ReadonlyArray<string>;
const sample = (...args: Args) => runVerb(sampleVerb(done), "--out", "s.jsonl", ...args);
const diversify = (...args: Args) => runVerb(diversifyVerb(done), ...args);
const mix = (...args: Args) => runVerb(mixVerb(done), "--out", "m.jsonl", ...args);
const tune = (...args: Args) => runVerb(tuneVerb(done), ...args);

for (
  const [name, run, foreign] of [
    ["sample", sample, ["data", "diverse", "seeds"]],
    ["diversify", diversify, ["model", "data", "diverse", "init-adapter", "seeds"]],
    ["mix", mix, ["model", "init-adapter", "seeds"]],
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

Deno.test("inspect refuses options that would change nothing", async () => {
  const inspect = (...args: Args) => runVerb(inspectVerb, "--model", "fixtures/base", ...args);
  for (
    const [args, message] of [
      [["--ids", "2,4", "--logits"], "--logits goes with --ids and --json"],
      [["--ids", "2,4", "--hidden"], "--hidden goes with --ids and --json"],
      [["--data", "d.jsonl", "--logits", "--json"], "--logits goes with --ids and --json"],
      [["--data", "d.jsonl", "--adapter", "a"], "--adapter goes with --ids"],
      [["--data", "d.jsonl", "--set", "model.storage=q8"], "--set goes with --ids"],
    ] as const
  ) {
    assert.match(saidBy(await inspect(...args)), new RegExp(`^ERROR\\n {2}${message}\\n`));
  }
});

Deno.test("eval says which metrics there are where one is not named", async () => {
  const evaluate = evalVerb(onModel(onGpu(runEval)));
  const args = ["--model", "fixtures/base", "--data", "none.jsonl", "--metrics"];
  for (const [named, unknown] of [["", ""], ["perplexity,", ""], ["bleu", "bleu"]] as const) {
    const said = saidBy(await runVerb(evaluate, ...args, named));
    assert.ok(
      said.includes(`--metrics: there is no metric "${unknown}"; there is perplexity`),
      said,
    );
  }
});

Deno.test("train refuses diverse chats without those of a task", async () => {
  const train = trainVerb(runTrain);
  for (const given of [["--diverse", "none.jsonl"], ["--set", "data.diverse=none.jsonl"]]) {
    const said = saidBy(await runVerb(train, ...given));
    assert.match(said, /^The config has 1 problem\n {2}data\.diverse: goes with .* --data FILE/);
  }
});
