import assert from "node:assert/strict";
import { type Operation, operations } from "../../bench/peers/operations.ts";
import type { Peer, PeerName, Prepared } from "../../bench/peers/peer.ts";
import { ratioToBest, reportOf, tableOf } from "../../bench/peers/print.ts";
import { compare, type Measured, Mismatch } from "../../bench/peers/protocol.ts";
import { linearModel } from "../../bench/peers/onnx_model.ts";
import { median } from "../../src/tuning/median.ts";

const product = operations[0]!;
const protocol = { samples: 3, sampleMilliseconds: 0, opSeconds: 0 };

const peer = (name: PeerName, prepare: (operation: Operation) => Promise<Prepared>): Peer => ({
  name,
  version: "1",
  prepare,
});

const giving = (y: ReadonlyArray<number>): Prepared => ({
  run: () => Promise.resolve(),
  wait: () => Promise.resolve(),
  outputs: () => Promise.resolve({ y: Float32Array.from(y) }),
  dispose: () => {},
});

Deno.test("compare() refuses a library whose result differs on one element", async () => {
  const ours = peer("delia", () => Promise.resolve(giving([1, 2, 3])));
  const wrong = peer("jax-js", () => Promise.resolve(giving([1, 2, 3.01])));
  await assert.rejects(compare(product, [ours, wrong], protocol), Mismatch);
  const short = peer("tfjs", () => Promise.resolve(giving([1, 2])));
  await assert.rejects(compare(product, [ours, short], protocol), /tfjs/);
});

Deno.test("compare() lists a library that cannot run, with its reason, and times the others", async () => {
  const ours = peer("delia", () => Promise.resolve(giving([1])));
  const broken = peer("tfjs", () => Promise.reject(new TypeError("no gradient of Sum")));
  const same = peer("jax-js", () => Promise.resolve(giving([1])));
  const { measured, absent } = await compare(product, [ours, broken, same], protocol);
  assert.deepEqual(measured.map(({ name, samples }) => [name, samples]), [["delia", 3], [
    "jax-js",
    3,
  ]]);
  assert.deepEqual(absent.map(({ name, reason }) => [name, reason]), [
    ["tfjs", "TypeError: no gradient of Sum"],
  ]);
  assert.match(tableOf(measured, absent), /tfjs does not run matmul 512×512×512: TypeError/);
});

const measured = (name: PeerName, gflops: number): Measured => ({
  ...{ op: "matmul", shape: "2×2×2", name, samples: 1, runs: 1, milliseconds: 1 },
  ...{ cpuMilliseconds: 1, gflops, gflopsPerCoreSecond: gflops / 2 },
});

Deno.test("ratioToBest() compares with the fastest other library, never with ours", () => {
  const all = [measured("delia", 30), measured("jax-js", 6), measured("tfjs", 3)];
  assert.deepEqual(all.map((it) => ratioToBest(it, all, "gflops")), [5, 2, 0.5]);
  assert.equal(ratioToBest(all[0]!, all.slice(0, 1), "gflops"), undefined);
});

Deno.test("reportOf() has exactly the documented fields", () => {
  const report = reportOf("card", { deno: "2" }, [measured("delia", 30)]);
  assert.deepEqual(report, {
    device: "card",
    versions: { deno: "2" },
    results: [
      { op: "matmul", shape: "2×2×2", name: "delia", gflops: 30, gflopsPerCoreSecond: 15 },
    ],
  });
});

Deno.test("linearModel() encodes fields past 15 and lengths past 127 in two bytes", () => {
  const model = linearModel(2, 3, 50, new Float32Array(150));
  assert.ok(model.length > 600);
  const type = [0xa0, 0x01, 2]; // field 20, an integer: AttributeProto.type
  const at = model.findIndex((_, i) => type.every((byte, j) => model[i + j] === byte));
  assert.ok(at > 0);
});

Deno.test("median() is the middle, or the mean of two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});
