/** The rows of a step: tokens of new prompts, then the newest token of each open row. @module */
import { Effect, type Scope } from "effect";
import { pack } from "../data/batch.ts";
import type { Gpu, GpuError, Tensor } from "../gpu/gpu.ts";
import { promptTokens } from "../models/memory_plan.ts";
import { aligned, windowOf } from "../nn/arenas.ts";
import type { Row } from "./row.ts";

/** Where the rows of a step stand, all u32: those of prompts, which are filled up, then open ones. */
export interface StepPlaces {
  /** Of all rows. */
  readonly tokens: Tensor;
  /** Sequence in the cache, of all rows; one past the last where a row belongs to none. */
  readonly slots: Tensor;
  /** Of all rows. */
  readonly positions: Tensor;
  /** The rows that the head reads, where prompts are among them: those of open rows, else the first. */
  readonly wanted?: Tensor;
  /** Row where the prompt of each row starts, of prompts' rows; absent where there are none. */
  readonly starts?: Tensor;
  /** Of open rows; absent where there are none. */
  readonly open?: {
    readonly slots: Tensor;
    /** Entries of the cache that count. */
    readonly lengths: Tensor;
    readonly seeds: Tensor;
    /** Tokens drawn so far. */
    readonly drawn: Tensor;
  };
}

/** The same on the host. */
export type HostPlaces = Readonly<Record<Column, ArrayLike<number>>>;

type Column =
  | "tokens"
  | "slots"
  | "positions"
  | "wanted"
  | "starts"
  | "openSlots"
  | "lengths"
  | "seeds"
  | "drawn";

// Rows of queries, keys and values from here on start on 256 bytes.
const promptRowMultiple = 32;

const lengthOf = ({ prompt: { ids } }: Row): number => ids.length - 1;

/** `admitted` in groups that may be read at once. A prompt of one token has nothing to be read before. */
export const inTurn = (admitted: ReadonlyArray<Row>): ReadonlyArray<ReadonlyArray<Row>> => {
  const groups: Row[][] = [];
  let tokens = Infinity;
  for (const row of admitted) {
    const length = lengthOf(row);
    if (length === 0) continue;
    if (tokens + length > promptTokens) {
      groups.push([]);
      tokens = 0;
    }
    groups.at(-1)!.push(row);
    tokens += length;
  }
  return groups;
};

/**
 * Of the prompts of `read` all but the last token, which an open row reads when it draws, and of each row
 * of `open` the newest token: the prompt's last, or the one drawn last. Filler rows belong to `noSlot`.
 */
export const placesOf = (
  read: ReadonlyArray<Row>,
  open: ReadonlyArray<Row>,
  noSlot: number,
): HostPlaces => {
  const examples = read.map(({ prompt }) => {
    const ids = prompt.ids.slice(0, -1);
    return { ids, supervised: ids.map(() => false) };
  });
  const prompts = pack(examples, promptRowMultiple);
  const promptSlots = new Uint32Array(prompts.rows).fill(noSlot);
  let row = 0;
  for (const one of read) promptSlots.fill(one.slot, row, row += lengthOf(one));
  const positions = open.map((one) => lengthOf(one) + one.ids.length);
  const openSlots = open.map(({ slot }) => slot);
  return {
    tokens: [
      ...prompts.tokens,
      ...open.map(({ prompt, ids }) => (ids.at(-1) ?? prompt.ids.at(-1))!),
    ],
    slots: [...promptSlots, ...openSlots],
    positions: [...prompts.positions, ...positions],
    wanted: open.length > 0 ? open.map((_, index) => prompts.rows + index) : [0],
    starts: prompts.starts,
    openSlots,
    lengths: positions.map((position) => position + 1),
    seeds: open.map(({ prompt }) => prompt.seed),
    drawn: open.map(({ ids }) => ids.length),
  };
};

/** Uploads `places` as windows of one buffer, for as long as the scope lives. */
export const uploadPlaces = (
  gpu: Gpu,
  places: HostPlaces,
): Effect.Effect<StepPlaces, GpuError, Scope.Scope> => {
  const stride = aligned(places.tokens.length); // no column is longer
  const names = Object.keys(places) as Column[];
  const data = new Uint32Array(names.length * stride);
  names.forEach((name, index) => data.set(places[name], index * stride));
  return Effect.map(gpu.upload(data, [data.length]), (arena) => {
    const column = (name: Column): Tensor =>
      windowOf(arena, names.indexOf(name) * stride, [places[name].length], "u32");
    const open = {
      slots: column("openSlots"),
      lengths: column("lengths"),
      seeds: column("seeds"),
      drawn: column("drawn"),
    };
    return {
      tokens: column("tokens"),
      slots: column("slots"),
      positions: column("positions"),
      ...places.starts.length > 0 ? { wanted: column("wanted"), starts: column("starts") } : {},
      ...places.seeds.length > 0 ? { open } : {},
    };
  });
};
