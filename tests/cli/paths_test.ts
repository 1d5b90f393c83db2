import assert from "node:assert/strict";
import { diversifyVerb, runDiversify } from "../../src/cli/diversify.ts";
import { experimentVerb } from "../../src/cli/experiment.ts";
import { runExperiment } from "../../src/cli/experiment_run.ts";
import { inspectVerb } from "../../src/cli/inspect.ts";
import { mergeVerb } from "../../src/cli/merge.ts";
import { sweepVerb } from "../../src/cli/sweep.ts";
import { trainVerb } from "../../src/cli/train.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { runVerb, saidBy, type VerbRun } from "../support/run_verb.ts";

const diversify = diversifyVerb(runDiversify);
const train = trainVerb(runTrain);
const experiment = experimentVerb(runExperiment);
const unreached = () => {
  throw new Error("the parser should have refused this");
};

// `at` is a directory in which lies `file`.
const cases: Readonly<
  Record<string, readonly [run: (at: string) => Promise<VerbRun>, says: RegExp]>
> = {
  "a directory as settings": [
    (at) => runVerb(diversify, "--config", at),
    /^\S+: is a directory; give a file$/,
  ],
  "a directory to write a file over": [
    (at) => runVerb(diversify, "--out", at),
    /^\S+: is a directory; give a file$/,
  ],
  "a directory as phrasings": [
    (at) => runVerb(diversify, "--set", `data.phrasings=${at}`),
    /^\S+ cannot be read: is a directory; give a file$/,
  ],
  "a directory as chats": [
    (at) => runVerb(inspectVerb, "--model", "fixtures/base", "--data", at),
    /^\S+ cannot be read: is a directory; give a file$/,
  ],
  "no chats": [
    (at) => runVerb(inspectVerb, "--model", "fixtures/base", "--data", `${at}/none`),
    /none cannot be read: no such file$/,
  ],
  "no dictionary": [
    (at) => runVerb(experiment, "translation", "--set", `data.dictionary=${at}/none`),
    /none: no such file$/,
  ],
  "a file as run folder": [
    (at) => runVerb(train, "--out", `${at}/file`),
    /file: is a file and no directory; choose another path, or remove the file$/,
  ],
  "a run folder below a file": [
    (at) => runVerb(train, "--out", `${at}/file/run`),
    /run: is, or lies in, a file that should be a directory; choose another path$/,
  ],
  "no name of a run folder": [
    () => runVerb(trainVerb(unreached), "--out", ""),
    /--out\. Expected: a path/,
  ],
  "no name of a merged model": [
    () => runVerb(mergeVerb(unreached), "--model", "m", "--adapter", "a", "--out", ""),
    /--out\. Expected: a path/,
  ],
  "no name of a sweep": [
    () => runVerb(sweepVerb(unreached), "--resume", ""),
    /--resume\. Expected: a path/,
  ],
};

for (const [name, [run, says]] of Object.entries(cases)) {
  Deno.test(`verbs say in a sentence that they were given ${name}`, async () => {
    const at = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${at}/file`, "");
      const said = saidBy(await run(at));
      assert.match(said, says);
      assert.doesNotMatch(said, /FileSystem\.|BadResource|NotFound|AlreadyExists/);
    } finally {
      await Deno.remove(at, { recursive: true });
    }
  });
}
