/** Progress on stderr: a bar on a terminal, a plain line every few seconds in a log. @module */
import { stderr } from "node:process";
import cliProgress from "cli-progress";
import * as Effect from "effect/Effect";
import * as Stdio from "effect/Stdio";
import type { Progress } from "../report/progress.ts";
import { wrap } from "../report/wrap.ts";

/** {@linkcode Progress} for wherever stderr goes. */
export const progressOnStderr: Effect.Effect<Progress, never, Stdio.Stdio> = Effect.gen(
  function* () {
    const stdio = yield* Stdio.Stdio;
    const say = (line: string) => console.error(line);
    return (yield* stdio.stderrIsTerminal)
      ? barProgress((line) => say(fitLine(line, stderr.columns || 80)))
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

/** What a bar says. */
export interface BarState {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly note: string;
  /** Seconds, as far as known. */
  readonly left: number;
}

const longestBar = 24;
/** A bar of fewer cells shows nothing; a label of fewer characters tells nothing. */
const [shortestBar, shortestLabel] = [4, 8];

/**
 * One line below `width`. The count and the time that is left stay; the bar gives way first, then
 * the end of the label, the unit and the note.
 */
export const barLine = (
  { label, done, total, unit, note, left }: BarState,
  width: number,
): string => {
  const known = done > 0 && done < total && Number.isFinite(left);
  const count = `${String(done).padStart(String(total).length)}/${total}`;
  const time = known ? `${clock(left)} left` : "";
  const join = (...texts: ReadonlyArray<string>) => texts.filter((text) => text !== "").join(" ");
  // The time keeps its room, so that the bar does not jump with it; in a terminal's last column what
  // has just been drawn would be erased.
  const kept = done < total ? widestTime - time.length + (known ? 0 : 1) : 0;
  const roomBeside = (tail: string) => width - 2 - tail.length - kept;
  const tails = [join(count, unit, note, time), join(count, note, time), join(count, time)];
  const least = Math.min(label.length, shortestLabel);
  const tail = tails.find((text) => roomBeside(text) >= least) ?? tails.at(-1)!;
  const room = Math.max(0, roomBeside(tail));
  const shown = label.length <= room ? label : room < 2 ? "" : `${label.slice(0, room - 1)}…`;
  const cells = Math.min(longestBar, room - shown.length - 1);
  const full = Math.round(cells * done / Math.max(total, 1));
  const bar = cells < shortestBar ? "" : "█".repeat(full) + "░".repeat(cells - full);
  return join(shown, bar, tail).slice(0, Math.max(0, width - 1));
};

const widestTime = "59m59s left".length;

/** `8s`, `1m30s`, `1h02m`. */
const clock = (seconds: number): string => {
  const whole = Math.ceil(seconds);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return minutes === 0
    ? `${rest}s`
    : minutes < 60
    ? `${minutes}m${two(rest)}s`
    : `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
};

/** `line` for a terminal of `width`; one with a longer word, such as a path, is the terminal's to break. */
export const fitLine = (line: string, width: number): string => {
  const text = line.trimStart();
  const margin = line.slice(0, line.length - text.length);
  const room = width - margin.length;
  return line.length <= width || text.split(/\s+/).some(({ length }) => length + 2 > room)
    ? line
    : wrap(text, room, 2).map((part) => margin + part).join("\n");
};

/** The part of cli-progress that is used; the package brings no types. */
interface Bar {
  readonly start: (total: number, done: number, payload: Readonly<Record<string, string>>) => void;
  readonly update: (done: number, payload: Readonly<Record<string, string>>) => void;
  readonly stop: () => void;
}

type Format = (
  options: unknown,
  bar: {
    readonly value: number;
    readonly total: number;
    readonly eta: number | string;
    readonly maxWidth: number;
  },
  payload: Readonly<Record<string, string>>,
) => string;

const SingleBar: new (options: Readonly<Record<string, unknown>>) => Bar = cliProgress.SingleBar;

/** A bar that moves, with the time that is left. */
const barProgress = (say: (line: string) => void): Progress => ({
  say,
  begin: (label, total, unit) => {
    const format: Format = (_, { value: done, total, eta, maxWidth }, { note = "" }) =>
      barLine({ label, done, total, unit, note, left: Number(eta) }, maxWidth);
    const bar = new SingleBar({ format, hideCursor: true, fps: 5, gracefulExit: true });
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
