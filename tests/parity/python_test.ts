import assert from "node:assert/strict";
import { findPython, NoPython } from "./python.ts";
import { holds, tableOf } from "./row.ts";

/** What {@linkcode findPython} says with `command` as the Python. */
const refusal = async (command: string): Promise<string> => {
  const before = Deno.env.get("DELIA_PYTHON");
  Deno.env.set("DELIA_PYTHON", command);
  try {
    await findPython();
    return "nothing";
  } catch (cause) {
    assert.ok(cause instanceof NoPython);
    return cause.message;
  } finally {
    if (before === undefined) Deno.env.delete("DELIA_PYTHON");
    else Deno.env.set("DELIA_PYTHON", before);
  }
};

Deno.test("findPython() says what it looked for, what it found and how to make it", async () => {
  const missing = await refusal("no/such/python");
  assert.match(
    missing,
    /torch, transformers, peft and safetensors at no\/such\/python but found: /,
  );
  assert.match(missing, /pip install -r tests\/parity\/requirements.txt\n {2}DELIA_PYTHON=/);
  // A program that runs and fails, as Python does where a package is missing.
  assert.match(await refusal("false"), /at false but found: /);
});

Deno.test("holds() and tableOf() show an error over its limit, NaN too", () => {
  const row = { name: "llama", measure: "logits", error: 2e-6, limit: 1e-6 };
  assert.deepEqual([row, { ...row, error: NaN }, { ...row, error: 0, limit: 0 }].map(holds), [
    false,
    false,
    true,
  ]);
  assert.equal(
    tableOf([row]),
    "model  measure  worst error  limit\nllama  logits   2.0e-6       1e-6   OVER",
  );
});
