/**
 * Reads the residual stream of many sequences that begin alike: tokens with the same beginning are
 * computed once, since in a causal model what follows cannot change them.
 *
 * @module
 */
import { Effect, type Scope } from "effect";
import { pack } from "../data/batch.ts";
import { Gpu, type GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import { type AttendOf, attendWithin, type Decoder, decoderForward } from "../models/decoder.ts";
import type { Attend } from "../nn/attend.ts";
import { ModelError } from "../models/model_error.ts";
import { placeAdapterRows, type Subject } from "../nn/adapter.ts";
import { loraEmbeddingForward } from "../nn/lora_embedding.ts";
import { embed } from "../ops/embedding.ts";
import { qkvCols } from "../ops/head_dims.ts";
import { placeColumns } from "../ops/place_columns.ts";
import { wholeTable } from "../ops/vocabulary_table.ts";
import { uploadBatch } from "../training/step.ts";

/** A sequence and the places in it whose states are wanted. */
export interface ReadSequence {
  readonly ids: ReadonlyArray<number>;
  /** Indices into `ids`. */
  readonly at: ReadonlyArray<number>;
}

/** The stream `[hidden]` after block `layer` (0 is the first) at the `place`-th of the wanted places. */
export type StateAt = (layer: number, place: number) => Float32Array;

/** Sequences whose different beginnings are the rows of one forward. */
export interface SharedRows {
  /** Token and position of each row. */
  readonly tokens: ReadonlyArray<number>;
  readonly positions: ReadonlyArray<number>;
  /** By sequence, the row of each of its tokens. */
  readonly rowsOf: ReadonlyArray<ReadonlyArray<number>>;
}

/** One row for each different beginning of `sequences`. */
export const shareRows = (sequences: ReadonlyArray<ReadonlyArray<number>>): SharedRows => {
  interface Beginning {
    readonly row: number;
    readonly next: Map<number, Beginning>;
  }
  const empty = new Map<number, Beginning>();
  const tokens: number[] = [];
  const positions: number[] = [];
  const rowsOf = sequences.map((ids) => {
    let next = empty;
    return ids.map((id, position) => {
      let found = next.get(id);
      if (!found) {
        found = { row: tokens.length, next: new Map() };
        next.set(id, found);
        tokens.push(id);
        positions.push(position);
      }
      next = found.next;
      return found.row;
    });
  });
  return { tokens, positions, rowsOf };
};

/** Tokens of a batch, those computed once counted as often as they occur. */
const tokensPerBatch = 8192;

/** What one scratch tensor of queries, keys and values, of states or of rows, may take. */
const tensorBytes = 64 * 2 ** 20;

const batchesOf = (
  { shape, layers: { length: layers } }: Decoder,
  rules: number,
  sequences: ReadonlyArray<ReadSequence>,
): ReadonlyArray<ReadonlyArray<ReadSequence>> => {
  const most = {
    tokens: Math.min(tokensPerBatch, tensorBytes / (4 * rules)),
    places: tensorBytes / (4 * shape.hidden * layers),
  };
  const batches: ReadSequence[][] = [];
  let [tokens, places] = [Infinity, Infinity];
  for (const sequence of sequences) {
    tokens += sequence.ids.length;
    places += sequence.at.length;
    if (tokens > most.tokens || places > most.places) {
      batches.push([]);
      [tokens, places] = [sequence.ids.length, sequence.at.length];
    }
    batches.at(-1)!.push(sequence);
  }
  return batches;
};

/**
 * Runs `subject` on `sequences` and hands each one's states to `use`, in order, many sequences a
 * submission and one download a submission. What `use` is given is only good until it returns.
 * Sequences that begin alike should stand together. Fails with `TooManyPositions` where one does not fit.
 */
export const readStates = (
  subject: Subject,
  sequences: ReadonlyArray<ReadSequence>,
  use: (sequence: number, state: StateAt) => void,
): Effect.Effect<void, GpuError | ModelError, Gpu> =>
  Effect.gen(function* () {
    const { decoder } = subject;
    const positions = sequences.reduce((most, { ids }) => Math.max(most, ids.length), 0);
    if (positions > decoder.positions) {
      return yield* new ModelError({
        reason: { _tag: "TooManyPositions", positions, allowed: decoder.positions },
      });
    }
    const cols = Math.max(...decoder.layers.map(({ attending: { rule } }) => qkvCols(rule)));
    let first = 0;
    for (const batch of batchesOf(decoder, cols, sequences)) {
      const states = yield* batchStates(subject, batch);
      const { shape: { hidden }, layers: { length: layers } } = decoder;
      let row = 0;
      for (const { at } of batch) {
        const start = row * layers * hidden;
        use(first++, (layer, place) => {
          const from = start + (place * layers + layer) * hidden;
          return states.subarray(from, from + hidden);
        });
        row += at.length;
      }
    }
  });

// `[places, layers · hidden]`.
const batchStates = (
  { decoder, adapter }: Subject,
  sequences: ReadonlyArray<ReadSequence>,
): Effect.Effect<Float32Array, GpuError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { shape: { hidden }, layers: { length: layers } } = decoder;
    const shared = shareRows(sequences.map(({ ids }) => ids));
    const wanted = sequences.flatMap(({ at }, index) =>
      at.map((place) => shared.rowsOf[index]![place]!)
    );
    const places = yield* gpu.upload(Uint32Array.from(wanted), [wanted.length]);
    const rows = Math.ceil(shared.tokens.length / 32) * 32;
    const tokens = yield* gpu.upload(filled(shared.tokens, rows), [rows]);
    const attendOf = yield* attendShared(gpu, sequences, shared, rows);
    const states = yield* gpu.submit((pass) => {
      if (adapter) placeAdapterRows(pass, adapter);
      const all = pass.tensor([wanted.length, layers * hidden]);
      decoderForward(pass, decoder, tokens, attendOf, {
        onLayer: (pass, stream, layer) => {
          const some = embed(pass, wholeTable(stream), places);
          placeColumns(pass, some, all, layer * hidden);
          pass.release(some);
        },
      });
      return all;
    });
    return yield* gpu.download(states);
  }));

const filled = (values: ReadonlyArray<number>, rows: number): Uint32Array<ArrayBuffer> => {
  const all = new Uint32Array(rows);
  all.set(values);
  return all;
};

// Each sequence written out attends as ever; a shared row takes what its first occurrence attended to.
const attendShared = (
  gpu: Gpu,
  sequences: ReadonlyArray<ReadSequence>,
  { tokens, rowsOf }: SharedRows,
  rows: number,
): Effect.Effect<AttendOf<{ readonly forward: Attend }>, GpuError, Scope.Scope> =>
  Effect.gen(function* () {
    const batch = pack(sequences.map(({ ids }) => ({ ids, supervised: [] })), 32);
    const written = rowsOf.flat();
    const occurrence = new Array<number>(tokens.length);
    for (const [at, row] of written.entries()) occurrence[row] ??= at;
    const places = yield* uploadBatch(gpu, batch);
    const out = yield* gpu.upload(filled(written, batch.rows), [batch.rows]);
    const back = yield* gpu.upload(filled(occurrence, rows), [rows]);
    const within = attendWithin(places);
    return (layer, index) => ({
      forward: (pass, qkv) => {
        const all = embed(pass, wholeTable(qkv), out);
        const { y, logSumExp } = within(layer, index).forward(pass, all);
        const own = embed(pass, wholeTable(y), back);
        pass.release(all, y, ...logSumExp ? [logSumExp] : []);
        return { y: own };
      },
    });
  });

/**
 * The embedding rows of `ids` as they enter the first block, adapter included, in order, to `use`.
 * What `use` is given is only good until it returns.
 */
export const readRows = (
  { decoder, adapter }: Subject,
  ids: ReadonlyArray<number>,
  use: (index: number, row: Float32Array) => void,
): Effect.Effect<void, GpuError, Gpu> =>
  Effect.gen(function* () {
    const { embedding, embeddingLora, shape: { hidden, embeddingScale } } = decoder;
    const most = Math.max(1, Math.floor(tensorBytes / (4 * hidden)));
    for (let from = 0; from < ids.length; from += most) {
      const some = ids.slice(from, from + most);
      const rows = yield* Effect.scoped(Effect.gen(function* () {
        const gpu = yield* Gpu;
        const tokens = yield* gpu.upload(Uint32Array.from(some), [some.length]);
        const read = (pass: Pass): Tensor => {
          if (adapter) placeAdapterRows(pass, adapter);
          const x = embed(pass, embedding, tokens, embeddingScale);
          if (embeddingLora) loraEmbeddingForward(pass, embeddingLora, tokens, x);
          return x;
        };
        return yield* gpu.download(yield* gpu.submit(read));
      }));
      some.forEach((_, index) => {
        use(from + index, rows.subarray(index * hidden, (index + 1) * hidden));
      });
    }
  });
