/** How many threads the driver that computes on the CPU works with. @module */

// A dispatch is cut into one share a thread, and the first thread that wakes takes the next share. With
// a thread a core, both are often woken on the same core, and the other core idles until the dispatch
// is over; with several shares a core whoever is free takes what is left (bench/NOTES.md, "Threads").
const threadsPerCore = 4;
const most = 16;

/**
 * Asks Mesa's llvmpipe for several threads a core, if nobody has (`LP_NUM_THREADS`). Counts before the
 * first adapter is requested; does nothing without the permission to set that variable. Drivers of
 * GPUs do not read it.
 */
export const spreadSoftwareThreads = (): void => {
  if (typeof Deno === "undefined") return;
  const name = "LP_NUM_THREADS";
  if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return;
  const cores = navigator.hardwareConcurrency;
  if (cores >= most || Deno.env.get(name) !== undefined) return;
  Deno.env.set(name, `${Math.min(threadsPerCore * cores, most)}`);
};
