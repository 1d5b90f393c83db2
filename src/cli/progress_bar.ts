/** Progress on stderr: a bar on a terminal, a plain line every few seconds in a log. @module */
import cliProgress from "cli-progress";
import * as Effect from "effect/Effect";
import * as Stdio from "effect/Stdio";
import type { Progress } from "../report/progress.ts";

/** {@linkcode Progress} for wherever stderr goes. */
export const progressOnStderr: Effect.Effect<Progress, never, Stdio.Stdio> = Effect.gen(
  function* () {
    const stdio = yield* Stdio.Stdio;
    const say = (line: string) => console.error(line);
    return (yield* stdio.stderrIsTerminal)
      ? barProgress(say)
      : lineProgress(say, () => performance.now() / 1000);
  },
);

/** Seconds between two lines of a log. */
const interval = 5;

/**
 * Plain lines: one when a part begins, one every few seconds, one when it ends.
 * `now` gives seconds from any start.
 */
export const lineProgress = (
  say: (line: string) => void,
  now: () => number,
): Progress => ({
  say,
  begin: (label, total, unit) => {
    const start = now();
    let last = start;
    let lastNote: string | undefined;
    say(`${label}: ${total} ${unit}`);
    return {
      advance: (done, note) => {
        lastNote = note ?? lastNote;
        const time = now();
        if (time - last < interval || done >= total) return;
        last = time;
        const left = (time - start) / Math.max(done, 1) * (total - done);
        say(`${label}: ${parts(`${done}/${total} ${unit}`, note, `${left.toFixed(0)} s left`)}`);
      },
      end: (note) => {
        const seconds = `${(now() - start).toFixed(1)} s`;
        say(`${label}: ${parts("done", note ?? lastNote, seconds)}`);
      },
    };
  },
});

/** The part of cli-progress that is used; the package brings no types. */
interface Bar {
  readonly start: (total: number, done: number, payload: Readonly<Record<string, string>>) => void;
  readonly update: (done: number, payload: Readonly<Record<string, string>>) => void;
  readonly stop: () => void;
}

const SingleBar: new (options: Readonly<Record<string, unknown>>) => Bar = cliProgress.SingleBar;

/** A bar that moves, with the time that is left. */
const barProgress = (say: (line: string) => void): Progress => ({
  say,
  begin: (label, total, unit) => {
    const bar = new SingleBar({
      format: `${label} {bar} {value}/{total} ${unit} {eta_formatted} left {note}`,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: 24,
      hideCursor: true,
      fps: 5,
      gracefulExit: true,
    });
    bar.start(total, 0, { note: "" });
    let note = "";
    return {
      advance: (done, next) => {
        note = next ?? note;
        bar.update(done, { note });
      },
      end: (next) => {
        bar.update(total, { note: next ?? note });
        bar.stop();
      },
    };
  },
});

const parts = (...texts: ReadonlyArray<string | undefined>): string =>
  texts.filter((text) => text !== undefined && text !== "").join(", ");
