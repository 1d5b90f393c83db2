/** The contract for telling people how far a long job is, and silence for tests. @module */

/** One part of a job whose length is known. */
export interface ProgressPart {
  /** `done` of the total are done; `note` is what a reader may want to know (`loss 1.23`). */
  readonly advance: (done: number, note?: string) => void;
  /** The part is over. */
  readonly end: (note?: string) => void;
}

/** Where a job tells how far it is. Calls are cheap: an implementation decides what it shows. */
export interface Progress {
  /** A part begins; it ends before the next one begins. `total` counts what `unit` names. */
  readonly begin: (label: string, total: number, unit: string) => ProgressPart;
  /** One line that stays. */
  readonly say: (line: string) => void;
}

/** Shows nothing. */
export const silent: Progress = {
  begin: () => ({ advance: () => {}, end: () => {} }),
  say: () => {},
};
