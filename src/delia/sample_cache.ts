/**
 * Self-samples in a JSONL file: what one run sampled, the next one takes from there. Each line is a
 * chat, so that the file is diverse data as it is; beside it a file says how it was sampled.
 *
 * @module
 */
import { Effect, FileSystem, Path, type PlatformError, type Result, Schema, Stream } from "effect";
import { CountOrZero } from "../config/field.ts";
import { type PromptMode, promptModes, type SamplingConfig } from "../config/sampling_config.ts";
import type { Place } from "../data/chat.ts";
import type { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { appendJsonLines, keepWholeLines, parseJsonLines } from "../files/json_lines.ts";
import { writeWhole } from "../files/write_whole.ts";
import type { Sampler, SamplerError } from "../generation/sampler.ts";
import { SampleCacheError } from "./sample_cache_error.ts";
import {
  checkProvenance,
  parseProvenance,
  type Provenance,
  provenanceFile,
} from "./sample_provenance.ts";
import { type Query, type SelfSample, selfSample } from "./self_sample.ts";

export { SampleCacheError } from "./sample_cache_error.ts";
export { type Provenance, provenanceFile, provenanceOf } from "./sample_provenance.ts";

/** A file of samples. */
export interface SampleCache {
  readonly file: string;
  readonly provenance: Provenance;
}

/** A turn of a chat. */
interface Turn {
  readonly role: string;
  readonly content: string;
}

/** A line of the file. */
interface Line {
  readonly index: number;
  readonly finish: "stop" | "length";
  readonly messages: readonly [question: Turn, answer: Turn];
  /** The reference answer that the prompt showed. */
  readonly reference?: string;
}

const Turn: Schema.Codec<Turn> = Schema.Struct({ role: Schema.String, content: Schema.String });

const decodeLine: (json: unknown) => Result.Result<Line, unknown> = Schema.decodeUnknownResult(
  Schema.Struct({
    index: CountOrZero,
    finish: Schema.Literals(["stop", "length"]),
    messages: Schema.Tuple([Turn, Turn]),
    reference: Schema.optionalKey(Schema.String),
  }),
);

/**
 * Answers of the base to `queries`, as `selfSample` gives them: first those that the file holds, then
 * new ones, each group of which is appended to the file before it is passed on. A last line that was
 * cut off is sampled again. Fails where the file was sampled with other settings or questions.
 */
export const cachedSelfSample = (
  cache: SampleCache,
  queries: ReadonlyArray<Query>,
  tokenizer: Tokenizer,
  config: SamplingConfig,
): Stream.Stream<
  SelfSample,
  SampleCacheError | DataError | SamplerError,
  Sampler | FileSystem.FileSystem | Path.Path
> =>
  Stream.unwrap(Effect.gen(function* () {
    const { file } = cache;
    const held = yield* openCache(cache, queries);
    const append = (samples: ReadonlyArray<SelfSample>) =>
      appendJsonLines(file, samples.map(lineOf)).pipe(refuse(file));
    const done = new Set(held.map(({ index }) => index));
    const fresh = selfSample(queries, tokenizer, config, done).pipe(
      Stream.grouped(config.batchSize),
      Stream.tap(append),
      Stream.flattenIterable,
    );
    return Stream.concat(Stream.fromIterable(held), fresh);
  }));

/** `samples` in the order of their queries, whichever came first: what a repeatable run trains on. */
export const inOrder = <A extends Pick<SelfSample, "index">>(
  samples: ReadonlyArray<A>,
): ReadonlyArray<A> => samples.toSorted((a, b) => a.index - b.index);

/** What a file of samples holds. */
export interface StoredSamples {
  /** In the order of their queries. */
  readonly samples: ReadonlyArray<SelfSample>;
  /** Where each of them stands. */
  readonly places: ReadonlyArray<Place>;
  /** How the questions were asked; undefined where the file beside it does not say. */
  readonly promptMode: PromptMode | undefined;
}

/** The samples in `file`, or undefined where it is no file of `cachedSelfSample`. */
export const readSamples = (
  file: string,
): Effect.Effect<
  StoredSamples | undefined,
  SampleCacheError,
  FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const beside = provenanceFile(file);
    const known = yield* fs.exists(beside).pipe(refuse(file));
    if (!known) return undefined;
    const ordered = inOrder(yield* readLines(file));
    const provenance = yield* parseProvenance(
      file,
      yield* fs.readFileString(beside).pipe(refuse(beside)),
    );
    return {
      samples: ordered.map(sampleOf),
      places: ordered.map(({ line }) => ({ file, line })),
      promptMode: promptModes.find((mode) => mode === provenance["promptMode"]),
    };
  });

/** The samples in the cache's file that answer `queries`; makes the file ready to be appended to. */
const openCache = (
  { file, provenance }: SampleCache,
  queries: ReadonlyArray<Query>,
): Effect.Effect<
  ReadonlyArray<SelfSample>,
  SampleCacheError,
  FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const path = yield* Path.Path;
    const beside = provenanceFile(file);
    const exists = yield* fs.exists(file).pipe(refuse(file));
    if (!exists) {
      yield* fs.makeDirectory(path.dirname(file), { recursive: true }).pipe(refuse(file));
      const settings = `${JSON.stringify(provenance, null, 2)}\n`;
      yield* writeWhole(beside, settings).pipe(refuse(beside));
      return [];
    }
    const text = yield* fs.readFileString(beside).pipe(refuse(beside));
    yield* checkProvenance(file, yield* parseProvenance(file, text), provenance);
    yield* keepWholeLines(file).pipe(refuse(file));
    // More queries than before are fine, and so are fewer.
    const asked = (yield* readLines(file)).filter(({ index }) => index < queries.length);
    for (const { index, messages: [question], reference, line } of asked) {
      const query = queries[index]!;
      if (question.content === query.question && reference === query.reference) continue;
      const [expected, actual] = [query, { question: question.content, reference }].map((it) =>
        JSON.stringify(it)
      );
      return yield* new SampleCacheError({
        reason: { _tag: "OtherQuestion", file, line, expected: expected!, actual: actual! },
      });
    }
    return asked.map(sampleOf);
  });

/** The whole lines of `file`, and their numbers. */
const readLines = (
  file: string,
): Effect.Effect<
  ReadonlyArray<Line & { readonly line: number }>,
  SampleCacheError,
  FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const broken = ({ line }: { readonly line: number }) =>
      new SampleCacheError({ reason: { _tag: "BrokenLine", file, line } });
    const text = yield* fs.readFileString(file).pipe(refuse(file));
    const lines = yield* Effect.mapError(Effect.fromResult(parseJsonLines(text)), broken);
    return yield* Effect.forEach(lines, ({ line, json }) =>
      Effect.mapBoth(Effect.fromResult(decodeLine(json)), {
        onSuccess: (decoded) => ({ ...decoded, line }),
        onFailure: () =>
          broken({ line }),
      }));
  });

const sampleOf = (
  { index, finish, messages: [question, answer], reference }: Line,
): SelfSample => ({
  index,
  question: question.content,
  ...reference === undefined ? {} : { reference },
  answer: answer.content,
  finish,
});

const lineOf = ({ index, finish, question, answer, reference }: SelfSample): Line => ({
  index,
  finish,
  messages: [{ role: "user", content: question }, { role: "assistant", content: answer }],
  ...reference === undefined ? {} : { reference },
});

const refuse = (
  file: string,
): <A, R>(
  effect: Effect.Effect<A, PlatformError.PlatformError, R>,
) => Effect.Effect<A, SampleCacheError, R> =>
  Effect.mapError(({ reason, message }) =>
    new SampleCacheError({
      reason: {
        _tag: "Unreadable",
        file,
        problem: reason._tag === "NotFound" ? "no such file" : message,
      },
    })
  );
