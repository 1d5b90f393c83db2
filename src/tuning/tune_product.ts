/** Measures the configurations of one product on the open device, in turns, and chooses one. @module */
import { Clock, Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import type { AskedProduct } from "../gpu/tuning.ts";
import { fill } from "../ops/fill.ts";
import { matmulNN, matmulNT, matmulTN } from "../ops/matmul.ts";
import { builtIn, configurations, fits, nameOfConfiguration } from "../ops/matmul_configuration.ts";
import { noAdditions } from "../ops/matmul_additions.ts";
import { matrixOf } from "../ops/matrix.ts";
import { isPacked, type Stored } from "../ops/unpack.ts";
import { median } from "./median.ts";
import { operandsOf } from "./operands.ts";
import { classOf } from "./product_class.ts";
import type { Measured } from "./tuning_file.ts";

/** How long to measure. */
export interface TuneOptions {
  /** Times that every candidate has its turn. */
  readonly rounds: number;
  /** Seconds that a turn of the built-in configuration takes, at least. */
  readonly seconds: number;
  /** Names of the configurations to measure; all that fit unless told. The built-in one is among them. */
  readonly only?: ReadonlyArray<string>;
}

/** A configuration that was measured. */
export interface Candidate {
  readonly name: string;
  /** By the median of its turns. */
  readonly gflops: number;
  /** Times as fast as the built-in one: the median over the rounds that both had a turn in. */
  readonly gain: number;
  /** Share of those rounds in which it was the faster one. */
  readonly won: number;
  /** Turns it had: fewer where it was far behind. */
  readonly turns: number;
}

/** What was measured of a product, and what is to be taken for its class. */
export interface TunedProduct extends Measured {
  readonly class: string;
  readonly product: AskedProduct;
  /** From the fastest. */
  readonly candidates: ReadonlyArray<Candidate>;
}

// A gain below this is within what repeated measurements differ by.
const leastGain = 1.03;
// One round in five may be disturbed by what else the machine does.
const leastWon = 0.8;
// Slower than the best by so much, by rounds: no further turns.
const farBehind = [Infinity, 3, 1.5] as const;
const mostRepeats = 1024;

const products = { NT: matmulNT, NN: matmulNN, TN: matmulTN } as const;

/**
 * Measures `product` in its configurations: every one is compiled and run once, then they take turns.
 * The built-in one stays unless another is faster by 3 %, and in four rounds of five.
 */
export const tuneProduct = (
  product: AskedProduct,
  { rounds, seconds, only }: TuneOptions,
): Effect.Effect<TunedProduct, GpuError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { rows, depth, cols, layout } = product;
    const { a, b } = yield* operandsOf(product);
    const c = yield* gpu.allocate([rows, cols]);
    const matrices = { a: matrixOf(a), b: matrixOf<Stored>(b), c: matrixOf(c) };
    const operands = { rows, depth, cols, ...matrices, scale: 1, accumulate: false };
    const own = nameOfConfiguration(builtIn(gpu.adapter, layout, operands, noAdditions));
    const names = [...configurations]
      .filter(([name, it]) =>
        fits(it, gpu.adapter, layout, operands) && (name === own || !only || only.includes(name))
      )
      .map(([name]) => name);
    const run = (name: string, repeats: number) =>
      timed((pass) => {
        const chosen = remembering(pass, name);
        // A right operand that is packed is that of NT or NN.
        for (let i = 0; i < repeats; i++) {
          if (layout === "TN" && !isPacked(b)) matmulTN(chosen, a, b, { into: c });
          else if (layout !== "TN") products[layout](chosen, a, b, { into: c });
        }
      });

    for (const name of names) yield* run(name, 1); // compiles
    const waiting = yield* waitOf(rounds);
    const time = (name: string, repeats: number) =>
      Effect.map(run(name, repeats), (seconds) => Math.max(1e-9, seconds - waiting));
    let repeats = 1;
    while (repeats < mostRepeats && (yield* time(own, repeats)) < seconds) repeats *= 2;
    const racers: Racer[] = [];
    for (const name of names) {
      // A slow one has its turns shortened.
      const most = Math.max(1, Math.floor(2 * seconds / (yield* time(name, 1))));
      racers.push({ name, repeats: name === own ? repeats : Math.min(repeats, most), times: [] });
    }
    for (let round = 0; round < rounds; round++) {
      const best = Math.min(...racers.flatMap(({ times }) => times));
      for (const { name, repeats, times } of racers) {
        const behind = Math.min(...times) > (farBehind[round] ?? farBehind.at(-1)!) * best;
        if (name === own || !behind) times.push((yield* time(name, repeats)) / repeats);
      }
    }
    const work = 2 * rows * depth * cols / 1e9;
    const ofOwn = racers.find(({ name }) => name === own)!.times;
    const candidates = racers
      .map(({ name, times }): Candidate => {
        const gains = times.map((time, round) => ofOwn[round]! / time);
        return {
          name,
          gflops: work / median(times),
          gain: median(gains),
          won: gains.filter((gain) => gain > 1).length / gains.length,
          turns: times.length,
        };
      })
      .toSorted((one, other) => other.gflops - one.gflops);
    return { class: classOf(product), product, candidates, ...choose(candidates, own) };
  }));

/** A candidate in its turns. */
interface Racer {
  readonly name: string;
  /** Products a turn. */
  readonly repeats: number;
  /** Seconds a product, by turn. */
  readonly times: number[];
}

const choose = (candidates: ReadonlyArray<Candidate>, own: string): Measured => {
  const before = candidates.find(({ name }) => name === own)!;
  const chosen = candidates
    .filter(({ gain, won }) => gain >= leastGain && won >= leastWon)
    .reduce((best, one) => one.gain > best.gain ? one : best, before);
  const { name, gflops, gain } = chosen;
  return { configuration: name, builtIn: own, gflops, gain };
};

const remembering = (pass: Pass, name: string): Pass => ({
  ...pass,
  adapter: { ...pass.adapter, tuning: { configurationOf: () => name } },
});

// Seconds from recording to the end of what is recorded.
const timed = (record: (pass: Pass) => void): Effect.Effect<number, GpuError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const started = yield* Clock.currentTimeNanos;
    yield* gpu.submit(record);
    yield* gpu.finish;
    return Number((yield* Clock.currentTimeNanos) - started) / 1e9;
  }));

// Seconds that a submission takes which computes next to nothing: no part of a product's time.
const waitOf = (rounds: number): Effect.Effect<number, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const some: Tensor = yield* gpu.allocate([4]);
    const times: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      times.push(yield* timed((pass) => fill(pass, some, 0)));
    }
    return median(times.slice(1));
  });
