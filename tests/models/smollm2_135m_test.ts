import assert from "node:assert/strict";
import { type Outcome, readGolden } from "../support/smollm2_135m.ts";

const script = new URL("../support/smollm2_135m.ts", import.meta.url).pathname;
const allowed = 6 * 2 ** 30;

/** Runs the model in a process of its own; the directory is removed after. */
const runModel = async (): Promise<Outcome> => {
  const directory = await Deno.makeTempDir({ prefix: "delia_smollm2_" });
  try {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", script, directory], // /proc asks for all
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
};

Deno.test("loadModel(), generateBatch() and train() run SmolLM2-135M's shape within 6 GB", async () => {
  const golden = readGolden();
  const { parameters, generated, losses, norms, peak, seconds } = await runModel();
  const gigabytes = `${(peak / 2 ** 30).toFixed(2)} GiB`;
  console.log(`peak ${gigabytes}, seconds ${JSON.stringify(seconds)}`);
  assert.equal(parameters, 134_515_008);
  assert.deepEqual(generated, golden.generated);
  assert.ok(Math.abs(losses[0]! / golden.loss - 1) < 1e-5, `${losses[0]}, not ${golden.loss}`);
  assert.ok(losses[1]! < losses[0]!, `a step should lower the loss but it went ${losses}`);
  assert.ok(norms.every((norm) => norm > 0 && norm < 1e3), `${norms}`);
  assert.ok(peak < allowed, `${gigabytes} of memory`);
});
