/** Two ways to read what stands for a token: the residual stream after each block, or its embedding row. @module */
import type { Effect } from "effect";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { ModelError } from "../models/model_error.ts";
import type { Subject } from "../nn/adapter.ts";
import { readRows, type ReadSequence, readStates, type StateAt } from "./read_states.ts";

/** Reads sequences at their places, in order; what `use` is given is only good until it returns. */
export interface ReadInto {
  /** Blocks that a state can be read after. */
  readonly blocks: number;
  readonly read: (
    sequences: ReadonlyArray<ReadSequence>,
    use: (sequence: number, state: StateAt) => void,
  ) => Effect.Effect<void, GpuError | ModelError, Gpu>;
}

/** The residual stream after every block. */
export const streamStates = (subject: Subject): ReadInto => ({
  blocks: subject.decoder.layers.length,
  read: (sequences, use) => readStates(subject, sequences, use),
});

/** Rows of the embedding, as if they were the states after one block. */
export const rowStates = (subject: Subject): ReadInto => ({
  blocks: 1,
  read: (sequences, use) => {
    const wanted = sequences.flatMap(({ ids, at }) => at.map((place) => ids[place]!));
    let sequence = 0;
    let held: Float32Array[] = [];
    return readRows(subject, wanted, (_, row) => {
      held.push(row);
      if (held.length < sequences[sequence]!.at.length) return;
      const rows = held;
      use(sequence++, (_, place) => rows[place]!);
      held = [];
    });
  },
});
