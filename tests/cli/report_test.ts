import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { runReport } from "../../src/cli/report_run.ts";
import type { Roofline } from "../../src/roofline/measure_step.ts";
import { totalBytes } from "../../src/roofline/minimum_bytes.ts";
import { renderReport } from "../../src/report/report.ts";
import { sampleMetrics, sampleRun } from "../report/sample_run.ts";
import { madeRecord, writeExperiment, writeTraining } from "../support/run_folders.ts";
import { inFolder } from "../support/in_folder.ts";

const report = (runs: ReadonlyArray<string>, out: string) =>
  runReport({ runs, out, json: true, roofline: false });

inFolder(
  "runReport() remakes the report of a single run from its records",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const run = sampleRun(1);
      yield* writeTraining(`${at}/a`, run);
      const { document } = yield* runReport({
        runs: [`${at}/a`],
        out: undefined,
        json: true,
        roofline: false,
      });
      assert.equal(document.report, `${at}/a/report.html`);
      assert.equal(
        yield* fs.readFileString(document.report),
        yield* renderReport(run, sampleMetrics(1)),
      );
    }),
);

inFolder(
  "runReport() counts a training once that two runs have written",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const run = sampleRun(1);
      yield* writeTraining(`${at}/a`, run);
      for (const file of [`${at}/a/arms.jsonl`, `${at}/a/metrics.jsonl`]) {
        const lines = (yield* fs.readFileString(file)).trimEnd().split("\n");
        const twice = lines.map((line) => `${line}\n${line}\n`).join("");
        yield* fs.writeFileString(file, twice);
      }
      const made = [0, 0, 1, 2, 2].map((seed) => madeRecord("delia", 42 + seed, 0.5));
      yield* writeExperiment(`${at}/b`, "demonstrations", { seeds: 3 }, made);
      const { document } = yield* report([`${at}/a`], `${at}/out`);
      assert.deepEqual(document.runs.map(({ done, missing }) => [done, missing]), [[5, 0]]);
      assert.equal(
        yield* fs.readFileString(document.report),
        yield* renderReport(run, sampleMetrics(1)),
      );
      assert.equal((yield* report([`${at}/b`], `${at}/out`)).document.runs[0]!.done, 3);
    }),
);

inFolder(
  "runReport() measures a run's training step where asked, and its report keeps that",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const run = sampleRun(1);
      const { config } = run;
      const small = { ...config, training: { ...config.training, batchSize: 2 } };
      yield* writeTraining(`${at}/a`, { ...run, config: small });
      const asked = { runs: [`${at}/a`], out: undefined, json: true, roofline: false };
      const { text } = yield* runReport({ ...asked, roofline: true });
      assert.match(text, /\bmatmul_(?:nt|panel)_f16_residual_tail\b|\bmatmul_f16\b/);
      const measured = JSON.parse(yield* fs.readFileString(`${at}/a/roofline.json`)) as Roofline;
      assert.equal(measured.step.sequences, 2);
      const dispatches = measured.kernels.reduce((sum, { dispatches }) => sum + dispatches, 0);
      assert.equal(measured.dispatches, dispatches);
      assert.ok(measured.peakBytes > totalBytes(measured.minimum));
      const page = `${at}/a/report.html`;
      assert.match(yield* fs.readFileString(page), /Roofline of a training step/);
      yield* fs.remove(page);
      yield* runReport(asked);
      assert.match(yield* fs.readFileString(page), /Roofline of a training step/);
    }),
);

inFolder(
  "runReport() refuses to measure several runs, and a roofline that it did not write",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      for (const name of ["a", "b"]) yield* writeTraining(`${at}/${name}`, sampleRun(1));
      const several = { runs: [`${at}/a`, `${at}/b`], out: undefined, json: true, roofline: true };
      assert.equal(
        (yield* Effect.flip(runReport(several))).message,
        "--roofline: expected one run, found 2; give a run's folder alone",
      );
      yield* fs.writeFileString(`${at}/a/roofline.json`, "{}");
      assert.match(
        (yield* Effect.flip(report([`${at}/a`], `${at}/out`))).message,
        /found a broken roofline\.json$/,
      );
    }),
);

inFolder(
  "runReport() puts runs side by side and says where their settings differ",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const [one, three] = [sampleRun(1), sampleRun(3)];
      const { config } = one;
      yield* writeTraining(`${at}/a`, {
        ...one,
        config: { ...config, lora: { ...config.lora, rank: 4 } },
      });
      yield* writeTraining(`${at}/b`, three);
      const { text, document } = yield* report([`${at}/a`, `${at}/b`], `${at}/out`);
      assert.deepEqual(document.settings, [
        { path: "seeds", values: ["1", "3"] },
        { path: "lora.rank", values: ["4", "16"] },
      ]);
      const [runs, results] = document.tables;
      assert.deepEqual(runs!.columns.map(({ title }) => title), [
        "folder",
        "seeds",
        "done",
        "lora.rank",
      ]);
      const deliaRows = results!.rows.filter(({ recipe }) => recipe === "delia");
      assert.deepEqual(
        deliaRows.map(({ label }) => label),
        ["A · DELIA", "B · DELIA", "paper"],
      );
      // Three seeds have an interval, one has none.
      const at1 = results!.columns.findIndex(({ title }) => title === "T1");
      const [a, b] = deliaRows.map(({ cells }) => cells[at1] as { readonly low?: number });
      assert.deepEqual([a!.low, typeof b!.low], [undefined, "number"]);
      assert.deepEqual(document.runs.map(({ claims }) => claims.length), [3, 3]);
      assert.match(text, /B HOLDS\./);
      const page = yield* fs.readFileString(`${at}/out/report.html`);
      assert.match(page, /prefers-color-scheme: dark/);
      assert.match(page, /<svg/);
      assert.doesNotMatch(page, /<(script|link|img)\b/);
    }),
);

inFolder(
  "runReport() says which runs are not finished, and goes on with what there is",
  (at) =>
    Effect.gen(function* () {
      yield* writeTraining(`${at}/a`, sampleRun(1));
      yield* writeTraining(`${at}/b`, sampleRun(1), 2);
      const { document } = yield* report([`${at}/a`, `${at}/b`], `${at}/out`);
      assert.deepEqual(document.runs.map(({ done, missing }) => [done, missing]), [[5, 0], [2, 3]]);
      assert.equal(document.notes.length, 1);
      assert.match(
        document.notes[0]!,
        /^B \(.*\) is not finished: 2 trainings are done, 3 or more/,
      );
      const { text } = yield* runReport({
        runs: [`${at}/b`],
        out: undefined,
        json: true,
        roofline: false,
      });
      assert.match(text, /The run is not finished/);
    }),
);

inFolder(
  "runReport() compares runs of one experiment by their own tables",
  (at) =>
    Effect.gen(function* () {
      const records = (gain: number) =>
        [1, 2, 3].flatMap((seed) => [
          madeRecord("diversified_diverse", seed, 0.5 + gain + seed / 100),
          madeRecord("one_diverse", seed, 0.4 + seed / 1000),
        ]);
      yield* writeExperiment(`${at}/a`, "ablation", { seeds: 3 }, records(0.4));
      yield* writeExperiment(`${at}/b`, "ablation", { seeds: 3 }, records(-0.4));
      const { document } = yield* report([`${at}/a`, `${at}/b`], `${at}/out`);
      assert.equal(document.kind, "experiment ablation");
      const verdicts = document.runs.map(({ claims }) => claims[1]!.verdict);
      assert.deepEqual(verdicts, ["holds", "does not hold"]);
    }),
);

inFolder(
  "runReport() refuses what is no run, what has no record, and runs of different kinds",
  (at) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const says = (pattern: RegExp, ...names: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const failed = report(names.map((name) => `${at}/${name}`), `${at}/out`);
          const { _tag, message } = yield* Effect.flip(failed);
          assert.equal(_tag, "RunFolderError");
          assert.match(message, pattern);
        });
      const write = (name: string, text: string) =>
        Effect.andThen(
          fs.makeDirectory(`${at}/${name}`),
          fs.writeFileString(`${at}/${name}/config.json`, text),
        );
      yield* fs.writeFileString(`${at}/file`, "");
      yield* write("pretrain", '{"checkpointEvery": 5}');
      yield* write("model", '{"model_type": "llama"}');
      yield* write("broken", "{");
      yield* write("other", '{"lora": {"rang": 5}}');
      yield* write("unknown", '{"experiment": "table_9"}');
      yield* write("empty", "{}");
      yield* writeTraining(`${at}/train`, sampleRun(1));
      yield* writeExperiment(`${at}/ablation`, "ablation", {}, [madeRecord("one_diverse", 42, 0)]);
      yield* says(/absent: expected the folder of a run .*, found nothing/, "absent");
      yield* says(/found a file/, "file");
      yield* says(/found a run of pretrain/, "pretrain");
      yield* says(/found a model/, "model");
      yield* says(/no JSON object/, "broken");
      yield* says(/lora\.rang: there is no such setting/, "other");
      yield* says(/an experiment that there is not, table_9/, "unknown");
      yield* says(/expected a training that is finished, found none/, "empty");
      yield* says(
        /different kinds[^]*train: train\n.*ablation: experiment ablation/,
        "train",
        "ablation",
      );
    }),
);
