import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import type { ConfigOptions } from "../../src/cli/config_options.ts";
import { runDiversify } from "../../src/cli/diversify.ts";
import { runMix } from "../../src/cli/mix.ts";
import { runSample } from "../../src/cli/sample.ts";
import { runTrain } from "../../src/cli/train_run.ts";
import { platform } from "../../src/platform.ts";
import { onGpu } from "../support/on_gpu.ts";

const options: ConfigOptions = {
  ...{ preset: "fixture", config: undefined, set: [], model: undefined, data: undefined },
  ...{ diverse: undefined, initAdapter: undefined, seeds: undefined },
};

const chat = (question: string): string =>
  JSON.stringify({
    messages: [{ role: "user", content: question }, { role: "assistant", content: "red" }],
  }) + "\n";

onGpu(
  "verbs refuse to write over what they read, whatever names it, and leave it as it is",
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    const files = {
      task: chat("what is the color of lime ?"),
      diverse: chat("what is the size of coal ?"),
      phrasings: "use <sep> .\n",
      settings: '{"data": {"phrasingCount": 1}}\n',
    };
    const pathOf = (name: string) => `${at}/${name}.jsonl`;
    for (const [name, text] of Object.entries(files)) {
      yield* fs.writeFileString(pathOf(name), text);
    }
    yield* fs.writeFileString(`${at}/phrasings.txt`, files.phrasings);
    yield* fs.symlink(pathOf("task"), `${at}/link.jsonl`);
    const [data, diverse] = [pathOf("task"), pathOf("diverse")];
    const refused = <R>(run: Effect.Effect<unknown, unknown, R>, name: string) =>
      Effect.map(Effect.flip(run), (failure) => {
        const { errors = [] } = failure as { readonly errors?: ReadonlyArray<Error> };
        assert.match(errors[0]?.message ?? String(failure), /--out should not write over/);
        assert.ok(errors[0]!.message.includes(` is ${name} (`), errors[0]!.message);
      });
    const mix = (out: string, config?: string) =>
      runMix({ ...options, data, diverse, config, json: true, out });
    yield* refused(mix(data), "--data");
    yield* refused(mix(`${at}/../${at.split("/").at(-1)}/task.jsonl`), "--data");
    yield* refused(mix(`${at}/link.jsonl`), "--data");
    yield* refused(mix(diverse), "--diverse");
    yield* refused(mix(pathOf("settings"), pathOf("settings")), "--config");
    const phrasings = `${at}/phrasings.txt`;
    const set = [`data.phrasings=${phrasings}`, "data.phrasingCount=1"];
    const shared = { ...options, set, json: true };
    yield* refused(
      runDiversify({ ...shared, instruction: undefined, out: phrasings }),
      "data.phrasings",
    );
    const sampling = { ...options, json: true, prompts: data, out: data };
    yield* refused(runSample(sampling), "--prompts");
    yield* fs.makeDirectory(`${at}/adapter`);
    const train = { ...options, initAdapter: `${at}/adapter`, json: true, resume: undefined };
    yield* refused(runTrain({ ...train, out: at }), "--init-adapter");
    for (const [name, text] of Object.entries(files)) {
      assert.equal(yield* fs.readFileString(pathOf(name)), text, name);
    }
    assert.equal(yield* fs.readFileString(phrasings), files.phrasings);
    assert.equal(yield* fs.exists(`${at}/config.json`), false);
    assert.equal((yield* mix(`${at}/new.jsonl`)).document.file, `${at}/new.jsonl`);
  }).pipe(Effect.provide(platform)),
);
