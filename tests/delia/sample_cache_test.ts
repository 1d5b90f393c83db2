import assert from "node:assert/strict";
import { Effect, Ref, Stream } from "effect";
import { SamplingConfig } from "../../src/config/sampling_config.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import {
  cachedSelfSample,
  inOrder,
  type Provenance,
  provenanceFile,
  readSamples,
} from "../../src/delia/sample_cache.ts";
import type { Query } from "../../src/delia/self_sample.ts";
import { Sampler } from "../../src/generation/sampler.ts";
import { platform } from "../../src/platform.ts";
import { tinyTokenizer } from "../support/tiny_tokenizer.ts";

const tokenizer = tinyTokenizer();
const config = Effect.runSync(resolveSettings(SamplingConfig, { options: { batchSize: 2 } }));
const queries: ReadonlyArray<Query> = ["what is red", "use json", "hello", "the format", "world"]
  .map((question) => ({ question, reference: "red" }));
const provenance: Provenance = { "base.config.json": "ab", seed: 42, promptMode: "repeat" };

/** Takes samples from a cache in `file` until `most`; tells how many prompts were really answered. */
const take = (
  file: string,
  { most = Infinity, asked = queries, settings = provenance }: {
    readonly most?: number;
    readonly asked?: ReadonlyArray<Query>;
    readonly settings?: Provenance;
  } = {},
) =>
  Effect.gen(function* () {
    const answered = yield* Ref.make(0);
    // The answer tells the prompt: its length.
    const sampler: Sampler = {
      generate: (prompts) =>
        Stream.fromIterable(prompts.map(({ ids }, index) => ({
          index,
          ids: ids.map(() => tokenizer.idOf("red")!),
          logProbabilities: ids.map(() => 0),
          finish: "stop",
        } as const))).pipe(Stream.tap(() => Ref.update(answered, (count) => count + 1))),
    };
    const samples = yield* cachedSelfSample(
      { file, provenance: settings },
      asked,
      tokenizer,
      config,
    )
      .pipe(
        Stream.take(most),
        Stream.runCollect,
        Effect.provideService(Sampler, sampler),
      );
    return { samples, answered: yield* Ref.get(answered) };
  });

/** Runs `body` with the name of a file that is not there yet. */
const withFile = async <A, E>(
  body: (file: string) => Effect.Effect<A, E, Effect.Services<ReturnType<typeof take>>>,
) => {
  const directory = await Deno.makeTempDir();
  try {
    const effect = body(`${directory}/new/samples.jsonl`);
    return await Effect.runPromise(Effect.provide(effect, platform));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
};

Deno.test("cachedSelfSample() goes on where an interrupted run stopped, with the same answers", () =>
  withFile((file) =>
    Effect.gen(function* () {
      yield* take(file, { most: 2 });
      // The run died while it wrote: a line without its end.
      yield* Effect.promise(() => Deno.writeTextFile(file, '{"index": 4, "fin', { append: true }));
      const resumed = yield* take(file);
      assert.equal(resumed.answered, 3);
      const { samples: whole } = yield* take(`${file}.whole`);
      assert.deepEqual(inOrder(resumed.samples), inOrder(whole));
      assert.deepEqual(
        inOrder(whole).map(({ question }) => question),
        queries.map((it) => it.question),
      );
      assert.deepEqual(yield* take(file), { samples: resumed.samples, answered: 0 });
      const stored = (yield* readSamples(file))!;
      assert.deepEqual([stored.samples, stored.promptMode], [inOrder(whole), "repeat"]);
      assert.ok(stored.samples.every(({ reference }) => reference === "red"));
      const lines = (yield* Effect.promise(() => Deno.readTextFile(file))).split("\n");
      for (const [at, { line }] of stored.places.entries()) {
        assert.equal(JSON.parse(lines[line - 1]!).index, stored.samples[at]!.index);
      }
    })
  ));

Deno.test("cachedSelfSample() takes what it needs when there are more queries, or fewer", () =>
  withFile((file) =>
    Effect.gen(function* () {
      yield* take(file, { asked: queries.slice(0, 3) });
      assert.equal((yield* take(file)).answered, 2);
      const { samples, answered } = yield* take(file, { asked: queries.slice(0, 2) });
      assert.deepEqual([samples.length, answered], [2, 0]);
    })
  ));

Deno.test("cachedSelfSample() refuses a file of other settings, other questions, or broken lines", () =>
  withFile((file) =>
    Effect.gen(function* () {
      yield* take(file);
      const message = (options: Parameters<typeof take>[1]) =>
        Effect.map(Effect.flip(take(file, options)), (error) => error.message);
      assert.match(
        yield* message({ settings: { ...provenance, seed: 7 } }),
        /samples\.jsonl was sampled with seed = 42, not 7: write to another file/,
      );
      const other = queries.with(1, { question: "use json", reference: "reds" });
      assert.match(yield* message({ asked: other }), /:2: answers .*"red".*not .*"reds"/);
      yield* Effect.promise(() => Deno.writeTextFile(file, "{}\n", { append: true }));
      assert.match(yield* message({}), /samples\.jsonl:6: Expected \{"index", "finish"/);
      yield* Effect.promise(() => Deno.remove(provenanceFile(file)));
      assert.match(yield* message({}), /provenance\.json: no such file/);
    })
  ));
