import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { runSample } from "../../src/cli/sample.ts";
import { platform } from "../../src/platform.ts";
import { onGpu } from "../support/on_gpu.ts";

/** What `body` gives, and the lines that it says on stderr. */
const said = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = [];
    const { error } = console;
    console.error = (line: string) => void lines.push(line);
    return Effect.ensuring(body, Effect.sync(() => console.error = error)).pipe(
      Effect.map((result) => ({ result, lines })),
    );
  });

/** `sample` with answers of two tokens to `count` prompts. */
const sampleOf = (count: number) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const at = yield* fs.makeTempDirectoryScoped();
    const prompt = { messages: [{ role: "user", content: "sort 4 2 9 ." }] };
    yield* fs.writeFileString(`${at}/prompts.jsonl`, `${JSON.stringify(prompt)}\n`.repeat(count));
    return yield* said(runSample({
      ...{ preset: "fixture", config: undefined, model: undefined },
      ...{ initAdapter: undefined, json: false },
      prompts: `${at}/prompts.jsonl`,
      out: `${at}/out.jsonl`,
      set: ["sampling.batchSize=1000000", "sampling.maxNewTokens=2", "model.memory=1"],
    }));
  });

onGpu(
  "runSample() plans memory for as many answers as there are prompts",
  Effect.gen(function* () {
    const { lines: [plan, next], result } = yield* sampleOf(2);
    assert.match(plan!, /^GPU memory: up to [\d.]+ MiB of 1\.0 GiB /);
    assert.match(next!, /^self-sampling: 2 answers/);
    assert.match(result.text, /^2 answers in /);
    assert.match((yield* sampleOf(1)).result.text, /^1 answer in /);
  }).pipe(Effect.provide(platform)),
);
