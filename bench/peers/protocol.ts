/**
 * How libraries are compared: each result is checked against ours, then all are warmed up and timed in
 * turns in one process, so that whatever else the machine does falls on all alike.
 *
 * @module
 */
import process from "node:process";
import { median } from "../../src/tuning/median.ts";
import { worst } from "../../tests/support/numbers.ts";
import { flopsOf, type Operation, runsBeforeCheck, shapeOf, toleranceOf } from "./operations.ts";
import { CannotRun, type Peer, type PeerName, type Prepared } from "./peer.ts";

/** How long to measure. */
export interface Protocol {
  /** Samples of each library, at the most. */
  readonly samples: number;
  /** After this long no round of samples begins, once there are three. */
  readonly opSeconds: number;
  /** Runs are put into one sample until it takes about this long: a wait alone costs 11 ms. */
  readonly sampleMilliseconds: number;
}

/** Medians of one library on one op. */
export interface Measured {
  readonly op: Operation["kind"];
  readonly shape: string;
  readonly name: PeerName;
  readonly samples: number;
  /** Runs in each sample. */
  readonly runs: number;
  /** Of a run, by the clock. */
  readonly milliseconds: number;
  /** Of a run: what the process took of its cores. */
  readonly cpuMilliseconds: number;
  readonly gflops: number;
  readonly gflopsPerCoreSecond: number;
}

/** A library that could not take part. */
export interface Absent {
  readonly op: Operation["kind"];
  readonly shape: string;
  readonly name: PeerName;
  readonly reason: string;
}

/** A library computed something else than ours. */
export class Mismatch extends Error {
  constructor(name: PeerName, operation: Operation, output: string, error: number) {
    super(
      `${operation.kind} ${shapeOf(operation)}: expected ${output} of ${name} within ` +
        `${toleranceOf(operation)} of ours on the worst element but found ${
          error.toExponential(1)
        }`,
    );
  }
}

interface Ready {
  readonly name: PeerName;
  readonly prepared: Prepared;
  runs: number;
  readonly wall: number[];
  readonly cpu: number[];
}

/** Compares `peers` on `operation`; the first is ours, which the others are checked against. */
export const compare = async (
  operation: Operation,
  peers: ReadonlyArray<Peer>,
  protocol: Protocol,
): Promise<
  { readonly measured: ReadonlyArray<Measured>; readonly absent: ReadonlyArray<Absent> }
> => {
  const place = { op: operation.kind, shape: shapeOf(operation) };
  const ready: Ready[] = [];
  const absent: Absent[] = [];
  let expected: Readonly<Record<string, Float32Array>> | undefined;
  for (const { name, prepare } of peers) {
    try {
      const prepared = await prepare(operation);
      for (let i = 0; i < runsBeforeCheck(operation); i++) await prepared.run();
      const outputs = await prepared.outputs();
      expected ??= outputs;
      assertSame(name, operation, outputs, expected);
      ready.push({ name, prepared, runs: 1, wall: [], cpu: [] });
    } catch (cause) {
      // Whatever else a library throws is its reason; a wrong result and our own failures are errors.
      if (cause instanceof Mismatch || name === "delia") throw cause;
      absent.push({ ...place, name, reason: reasonOf(cause) });
    }
  }
  for (const one of ready) {
    const { wall } = await sampleOf(one); // warm by now: the check ran it
    one.runs = Math.max(1, Math.min(64, Math.round(protocol.sampleMilliseconds / wall)));
  }
  const start = performance.now();
  for (let sample = 0; sample < protocol.samples; sample++) {
    const seconds = (performance.now() - start) / 1000;
    if (sample >= 3 && seconds > protocol.opSeconds) break;
    for (const one of ready) {
      const { wall, cpu } = await sampleOf(one);
      one.wall.push(wall);
      one.cpu.push(cpu);
    }
  }
  for (const { prepared } of ready) prepared.dispose();
  const flops = flopsOf(operation);
  const measured = ready.map(({ name, runs, wall, cpu }): Measured => {
    const [milliseconds, cpuMilliseconds] = [median(wall), median(cpu)];
    return {
      ...place,
      name,
      samples: wall.length,
      runs,
      milliseconds,
      cpuMilliseconds,
      gflops: flops / milliseconds / 1e6,
      gflopsPerCoreSecond: flops / cpuMilliseconds / 1e6,
    };
  });
  return { measured, absent };
};

// Milliseconds of one run, from a sample of `runs` and one wait.
const sampleOf = async ({ prepared, runs }: Ready) => {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < runs; i++) await prepared.run();
  await prepared.wait();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { wall: wall / runs, cpu: (user + system) / 1000 / runs };
};

const assertSame = (
  name: PeerName,
  operation: Operation,
  outputs: Readonly<Record<string, Float32Array>>,
  expected: Readonly<Record<string, Float32Array>>,
): void => {
  for (const output in expected) {
    const error = worst(outputs[output] ?? [], expected[output]!);
    if (!(error <= toleranceOf(operation))) throw new Mismatch(name, operation, output, error);
  }
};

const reasonOf = (cause: unknown): string => {
  if (cause instanceof CannotRun) return cause.message;
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return text.split("\n")[0]!.slice(0, 200);
};
