import assert from "node:assert/strict";
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import {
  geglu,
  gegluBackward,
  gegluBackwardReference,
  gegluReference,
} from "../../src/ops/geglu.ts";
import { dot, finiteDifference } from "../support/finite_difference.ts";
import { folded } from "../support/folded.ts";
import { onGpu, uniform, worst } from "../support/on_gpu.ts";

// Below a workgroup, no multiple of it, and more rows than one grid axis holds.
for (const [rows, cols] of [[1, 1], [5, 63], [33, 257], [65_537, 3]] as const) {
  onGpu(
    `geglu() and gegluBackward() match their f64 references at [${rows}, ${cols}]`,
    Effect.gen(function* () {
      const gpu = yield* Gpu;
      const gateUp = uniform(rows * 2 * cols, 1).map((value) => value * 6);
      const dY = uniform(rows * cols, 2);
      const onGateUp = yield* gpu.upload(gateUp, [rows, 2 * cols]);
      const onDY = yield* gpu.upload(dY, [rows, cols]);
      const y = yield* gpu.submit((pass) => geglu(folded(pass, 3), onGateUp));
      const error = worst(yield* gpu.download(y), gegluReference(gateUp, cols));
      assert.ok(error < 1e-6, `y: worst error ${error}`);
      yield* gpu.submit((pass) => gegluBackward(folded(pass, 3), onGateUp, onDY));
      const expected = gegluBackwardReference(gateUp, dY, cols);
      const backwardError = worst(yield* gpu.download(onGateUp), expected);
      assert.ok(backwardError < 1e-6, `dGateUp: worst error ${backwardError}`);
      const again = worst(yield* gpu.download(onDY), gegluReference(gateUp, cols));
      assert.ok(again < 1e-6, `y, made again: worst error ${again}`);
    }),
  );
}

onGpu(
  "geglu() and gegluBackward() stay finite for gates of any size",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const gates = [-3e38, -1e13, -100, -10.5, 10.5, 100, 1e13, 3e38];
    const gateUp = Float32Array.of(...gates, ...gates.map(() => 1));
    const onGateUp = yield* gpu.upload(gateUp, [1, 16]);
    const dY = yield* gpu.upload(new Float32Array(8).fill(1), [1, 8]);
    const y = yield* gpu.download(yield* gpu.submit((pass) => geglu(pass, onGateUp)));
    yield* gpu.submit((pass) => gegluBackward(pass, onGateUp, dY));
    const dGateUp = yield* gpu.download(onGateUp);
    for (const [i, gate] of gates.entries()) {
      if (gate < 0) {
        assert.ok([y[i]!, dGateUp[i]!, dGateUp[8 + i]!].every((value) => Math.abs(value) < 1e-30));
      } else {
        assert.deepEqual([y[i], dGateUp[i], dGateUp[8 + i]], [gateUp[i], 1, gateUp[i]]);
      }
    }
  }),
);

onGpu(
  "geglu() keeps its digits where gelu() is small",
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const gates = [-4, -3, -1e-3, 1e-6]; // each beside itself, not beside the largest
    const gateUp = Float32Array.of(...gates, 1, 1, 1, 1);
    const onGateUp = yield* gpu.upload(gateUp, [1, 8]);
    const y = yield* gpu.download(yield* gpu.submit((pass) => geglu(pass, onGateUp)));
    gegluReference(gateUp, 4).forEach((value, i) => {
      const error = worst([y[i]!], [value]);
      assert.ok(error < 1e-5, `gelu(${gates[i]}): error ${error}`);
    });
  }),
);

Deno.test("gegluReference() is what torch gives", () => {
  // torch 2.15.0, float64: torch.nn.functional.gelu(z, approximate="tanh").
  const z = [-1, 0.5, 2];
  const gelu = [-0.15880800939172324, 0.34571400982514394, 1.954597694087775];
  assert.ok(worst(gegluReference([...z, 1, 1, 1], 3), gelu) < 1e-15);
});

Deno.test("gegluBackwardReference() is the slope of gegluReference()", () => {
  const [gateUp, dY] = [uniform(20, 1).map((value) => 3 * value), uniform(10, 2)];
  const slope = finiteDifference((at) => dot(gegluReference(at, 5), dY), gateUp);
  assert.ok(worst(gegluBackwardReference(gateUp, dY, 5), slope) < 1e-8);
});
