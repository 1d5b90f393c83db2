import assert from "node:assert/strict";
import { Effect } from "effect";
import { Command } from "effect/cli";
import project from "../../deno.json" with { type: "json" };
import { chatVerb } from "../../src/cli/chat.ts";
import { resolveOptions, type SettingOptions } from "../../src/cli/config_options.ts";
import { diversifyVerb } from "../../src/cli/diversify.ts";
import { evalVerb } from "../../src/cli/eval.ts";
import { experimentVerb } from "../../src/cli/experiment.ts";
import { experimentConfig } from "../../src/cli/experiment_run.ts";
import { generateVerb } from "../../src/cli/generate.ts";
import { inspectVerb } from "../../src/cli/inspect.ts";
import { mergeVerb } from "../../src/cli/merge.ts";
import { mixVerb } from "../../src/cli/mix.ts";
import { pretrainVerb } from "../../src/cli/pretrain.ts";
import { probeVerb } from "../../src/cli/probe.ts";
import { reportVerb } from "../../src/cli/report.ts";
import { resolveTrainingOptions } from "../../src/cli/run_flags.ts";
import { sampleVerb } from "../../src/cli/sample.ts";
import { sweepVerb } from "../../src/cli/sweep.ts";
import { parseSwept } from "../../src/cli/swept_run.ts";
import { trainVerb } from "../../src/cli/train.ts";
import { tuneVerb } from "../../src/cli/tune.ts";
import type { Verb } from "../../src/cli/verb.ts";
import { parseGrid, pointsOf } from "../../src/config/grid.ts";
import { PretrainConfig } from "../../src/config/pretrain_config.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import { type Platform, platform } from "../../src/platform.ts";

const nothing = { text: "", document: undefined };

/** A verb's run that goes as far as its settings are known to be right. */
const upTo = <O, E, R>(settle: (options: O) => Effect.Effect<unknown, E, R>) => (options: O) =>
  Effect.as(settle(options), nothing);

const parsed = upTo(() => Effect.void);
const config = upTo((options: SettingOptions) => resolveOptions(options));

/** A verb's examples, and how it takes the words of one. */
const exampled = <N extends string, O, E>(verb: Verb<N, O, E, Platform>) => ({
  ...{ name: verb.name, examples: verb.examples },
  take: (words: ReadonlyArray<string>): Effect.Effect<void, unknown, Platform> =>
    Command.runWith(verb, { version: "0", renderErrors: false })(words),
});

const verbs = [
  exampled(trainVerb(upTo(resolveTrainingOptions))),
  exampled(experimentVerb(upTo(experimentConfig))),
  exampled(probeVerb(upTo(experimentConfig))),
  exampled(reportVerb(parsed)),
  exampled(sweepVerb(upTo(({ words, grid }) =>
    Effect.gen(function* () {
      const swept = yield* parseSwept(words);
      const points = pointsOf(yield* Effect.fromResult(parseGrid(grid)));
      yield* Effect.forEach(points, ({ set }) => swept.config({ set }));
    })
  ))),
  exampled(pretrainVerb(upTo(({ set }) => resolveSettings(PretrainConfig, { set })))),
  exampled(sampleVerb(config)),
  exampled(diversifyVerb(config)),
  exampled(mixVerb(config)),
  exampled(evalVerb(parsed)),
  exampled(inspectVerb.pipe(Command.withHandler(() => Effect.void))),
  exampled(chatVerb(parsed)),
  exampled(mergeVerb(parsed)),
  exampled(generateVerb(parsed)),
  exampled(tuneVerb(config)),
];

/** Words as a shell makes them of `text`, up to where it sends them elsewhere. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  [...text.split(/ [<>|] /)[0]!.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) =>
    quoted ?? word!
  );

Deno.test("every example of every verb's help parses, to settings that are right", async () => {
  for (const { name, examples, take } of verbs) {
    assert.ok(examples.length > 0, `${name} has no example`);
    for (const { command } of examples) {
      const [deno, task, ...words] = wordsOf(command);
      assert.deepEqual([deno, task], ["deno", "task"], command);
      const own = words[0] === "delia" ? words.slice(1) : words;
      assert.ok(words[0]! in project.tasks, command);
      assert.equal(own[0], name, command);
      const failure = await take(own.slice(1)).pipe(
        Effect.flip,
        Effect.orElseSucceed(() => undefined),
        Effect.provide(platform),
        Effect.runPromise,
      );
      assert.equal(failure, undefined, `${command}: ${failure}`);
    }
  }
});

Deno.test("the examples that are parsed are those of all verbs", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "src/main.ts", "--help"],
    env: { NO_COLOR: "1" },
  }).output();
  const [, listed = ""] = new TextDecoder().decode(stdout).split("SUBCOMMANDS\n");
  const names = [...listed.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name]) => name);
  assert.deepEqual(verbs.map(({ name }) => name), names);
});
