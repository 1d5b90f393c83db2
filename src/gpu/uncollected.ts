/** Objects that nothing but the garbage collector frees: how many are left, and having them freed. @module */

/** Keeps count of objects of one kind. */
export interface Uncollected {
  readonly add: (object: object) => void;
  /** Those that were added and that the collector has not freed yet, in use or not. */
  readonly count: () => number;
  /** Has the collector free those out of use, where the runtime lets a program ask for that. */
  readonly collect: () => Promise<void>;
}

// V8's own collection, which programs do not see unless a flag is set; none where the runtime lacks
// these modules, as a browser does.
const collector = async (): Promise<() => void> => {
  try {
    const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([
      import("node:v8"),
      import("node:vm"),
    ]);
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    return typeof collect === "function" ? () => collect() : () => {};
  } catch {
    return () => {};
  }
};

/** None yet. */
export const makeUncollected = (): Uncollected => {
  let count = 0;
  const registry = new FinalizationRegistry<void>(() => count--);
  return {
    add: (object) => {
      count++;
      registry.register(object);
    },
    count: () => count,
    collect: async () => {
      const collect = await collector();
      collect();
      await new Promise((resolve) => setTimeout(resolve, 0)); // the count goes down in tasks of its own
    },
  };
};
