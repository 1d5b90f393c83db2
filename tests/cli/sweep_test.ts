import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import type { SweepOptions } from "../../src/cli/sweep.ts";
import { runSweep } from "../../src/cli/sweep_run.ts";
import { inFolder } from "../support/in_folder.ts";

const sweep = (options: Partial<SweepOptions>) =>
  runSweep({
    ...{ json: true, grid: [], seeds: undefined, out: undefined, resume: undefined, words: [] },
    ...options,
  });

const train = ["train", "--preset", "fixture-smoke"];

inFolder(
  "runSweep() runs every point, and goes on where it was interrupted",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const asked = {
        grid: ["optimizer.learningRate=1e-3,5e-3"],
        seeds: 1,
        out: `${at}/sweep`,
        words: [
          ...train,
          ...["--set", 'arms=["base"]', "--set", "data.downstreamItems=16"],
          ...["--set", "data.testItems=1"],
        ],
      };
      const { document } = yield* sweep(asked);
      assert.deepEqual(document.settings, [
        { path: "optimizer.learningRate", values: ["0.001", "0.005"] },
      ]);
      assert.deepEqual(document.runs.map(({ done, missing }) => [done, missing]), [[1, 0], [1, 0]]);
      assert.equal(document.report, `${at}/sweep/report.html`);

      // As it was when the second point was under way; the first must not be run again.
      const [first, second] = document.runs.map(({ folder }) => folder);
      const arms = `${first!}/arms.jsonl`;
      const marked = (yield* fs.readFileString(arms)).replace('"seed":42', '"seed":7');
      yield* fs.writeFileString(arms, marked);
      yield* fs.remove(`${second!}/result.json`);
      yield* fs.remove(`${second!}/arms.jsonl`);
      const { document: resumed } = yield* sweep({ resume: `${at}/sweep` });
      assert.deepEqual(resumed.runs.map(({ seeds }) => seeds), [[7], [42]]);
      assert.deepEqual(resumed.tables[1], document.tables[1]);

      const other = yield* Effect.flip(sweep({ ...asked, grid: ["optimizer.learningRate=1e-3"] }));
      assert.match(String((other as Error).message), /found a sweep of other settings/);
    }),
);

inFolder("runSweep() starts nothing before every point is right", (at) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const out = `${at}/sweep`;
    const says = (pattern: RegExp, options: Partial<SweepOptions>) =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(sweep({ out, ...options }));
        const { message, errors = [] } = failure as {
          readonly message: string;
          readonly errors?: ReadonlyArray<Error>;
        };
        assert.match([message, ...errors.map((it) => it.message)].join("\n"), pattern);
        assert.equal(yield* fs.exists(out), false);
      });
    yield* says(/lora\.rang: there[^]*optimizer\.learningRate: Expected/, {
      grid: ["lora.rang=1", "optimizer.learningRate=1e-3,none"],
    });
    yield* says(/are the same run/, {
      grid: ["model.source=a,b"],
      words: ["--model", "fixtures/base"],
    });
    yield* says(/--out after -- is up to the sweep/, {
      grid: ["lora.rank=4"],
      words: [...train, "--out=x"],
    });
    yield* says(/train, experiment or probe and its options, not eval/, {
      grid: ["lora.rank=4"],
      words: ["eval"],
    });
    yield* says(/There is no experiment table_9/, {
      grid: ["lora.rank=4"],
      words: ["experiment", "table_9"],
    });
    yield* says(/Give --grid/, {});
    yield* says(/--resume goes on with the settings that it finds/, {
      resume: at,
      grid: ["lora.rank=4"],
      out: undefined,
    });
    yield* says(/found no sweep\.json/, { resume: at, out: undefined });
  }));

inFolder(
  "runSweep() goes on behind a point whose training diverges, and names it",
  (at) =>
    Effect.gen(function* () {
      const { text, document } = yield* sweep({
        grid: ["optimizer.learningRate=1e3,1e-3"],
        seeds: 1,
        out: `${at}/sweep`,
        words: [
          ...train,
          ...["--set", 'arms=["base","delia"]', "--set", "data.downstreamItems=4"],
          ...["--set", "data.testItems=1", "--set", "data.phrasingCount=4"],
          ...["--set", "mixing.diverseRatio=1", "--set", "optimizer.warmupSteps=0"],
          ...["--set", "sampling.maxNewTokens=16", "--set", "training.batchSize=1"],
        ],
      });
      assert.deepEqual(document.runs.map(({ done, missing }) => [done, missing]), [[1, 1], [2, 0]]);
      assert.match(text, /learningRate=1e3 failed: delia \(seed 42\) diverged at step \d+/);
    }),
);
