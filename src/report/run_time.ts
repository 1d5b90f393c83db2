/** How long a run took, as both kinds of reports say it. @module */
import { formatSeconds } from "./columns.ts";

/** Seconds of the whole run, over so many legs; results of older runs do not say how many. */
export const runTime = (seconds: number, legs = 1): string =>
  legs === 1
    ? formatSeconds(seconds)
    : `${
      formatSeconds(seconds)
    }, over ${legs} legs (one that was killed counts as far as its last ` +
      "finished training)";
