import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { generateVerb } from "../../src/cli/generate.ts";
import { resolveRunOptions, type RunOptions } from "../../src/cli/run_flags.ts";
import { trainVerb } from "../../src/cli/train.ts";
import { runVerb as run } from "../support/run_verb.ts";

/** A `generate` that answers with its own options. */
const generate = generateVerb((options) => Effect.succeed({ text: "done", document: options }));

Deno.test("generateVerb() hands on options and defaults, and prints one document with --json", async () => {
  const { failure, out, err } = await run(
    generate,
    ...["--model", "m", "--ids", "1,2,3", "--top-p", "0.5", "--json"],
  );
  assert.deepEqual({ failure, err }, { failure: undefined, err: "done" });
  assert.equal(out.length, 1);
  const { start, topP, temperature, maxNewTokens, seed } = JSON.parse(out[0]!);
  assert.deepEqual(start, { _tag: "Ids", ids: [1, 2, 3] });
  assert.deepEqual([topP, temperature, maxNewTokens, seed], [0.5, 0, 64, 42]);
  const plain = await run(generate, "--model", "m", "--prompt", "x");
  assert.deepEqual([plain.out, plain.err], [["done"], ""]);
});

Deno.test("a verb that leaves something undone prints its document, and fails", async () => {
  const partly = generateVerb((options) =>
    Effect.succeed({ text: "done", document: options, undone: "1 of 2 was not done" })
  );
  const { failure, out, err } = await run(partly, "--model", "m", "--prompt", "x", "--json");
  assert.deepEqual([out.length, err], [1, "done"]);
  assert.equal((failure as Error).message, "1 of 2 was not done");
});

Deno.test("generateVerb() wants exactly one thing to start from, and sound numbers", async () => {
  for (
    const [args, message] of [
      [[], /Give exactly one of --prompt, --chat and --ids/],
      [["--prompt", "x", "--ids", "1"], /Give exactly one of/],
      [["--ids", "1,b"], /--ids: "1,b".*token ids/],
      [["--prompt", "x", "--top-p", "1.5"], /--top-p/],
      [["--prompt", "x", "--max-new-tokens", "0"], /--max-new-tokens/],
    ] as const
  ) {
    const { failure, err } = await run(generate, "--model", "m", ...args);
    assert.ok(failure !== undefined);
    assert.match(err, message);
  }
});

Deno.test("trainVerb() hands on options from which resolveRunOptions() makes the config", async () => {
  let options: RunOptions | undefined;
  const train = trainVerb((given) => {
    options = given;
    return Effect.succeed({ text: "", document: {} });
  });
  const { failure } = await run(
    train,
    ...["--config", "c.json", "--set", "lora.rank=8", "--set", "lora.alpha=2"],
    ...["--seeds", "3", "--data", "d.jsonl", "--preset", "fixture-smoke"],
  );
  assert.equal(failure, undefined);
  const files = FileSystem.layerNoop({
    readFileString: () => Effect.succeed('{ "lora": { "rank": 4, "dropout": 0.5 }, "seeds": 2 }'),
  });
  const config = Effect.runSync(Effect.provide(resolveRunOptions(options!), files));
  const { rank, alpha, dropout } = config.lora;
  assert.deepEqual([rank, alpha, dropout, config.seeds], [8, 2, 0.5, 3]);
  assert.equal(config.data.downstream, "d.jsonl");

  // The preset that stands for none can still be told from none: --resume refuses the one.
  await run(train, "--resume", "r", "--preset", "fixture");
  assert.equal(options!.preset, "fixture");
  await run(train, "--resume", "r");
  assert.equal(options!.preset, undefined);
});
