import assert from "node:assert/strict";
import { spreadSoftwareThreads } from "../../src/gpu/software_threads.ts";

const name = "LP_NUM_THREADS";

// What the variable is after the call, where it was `before`; the process gets its own value back.
const after = (before: string | undefined): string | undefined => {
  const own = Deno.env.get(name);
  const put = (value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  put(before);
  try {
    spreadSoftwareThreads();
    return Deno.env.get(name);
  } finally {
    put(own);
  }
};

Deno.test("spreadSoftwareThreads() asks for more threads than cores", () => {
  const cores = navigator.hardwareConcurrency;
  assert.equal(after(undefined), cores < 16 ? `${Math.min(4 * cores, 16)}` : undefined);
});

Deno.test("spreadSoftwareThreads() keeps a number that the user chose", () => {
  assert.equal(after("3"), "3");
});

Deno.test({
  name: "spreadSoftwareThreads() does nothing where it may not set the environment",
  permissions: { env: false },
  fn: () => spreadSoftwareThreads(),
});
