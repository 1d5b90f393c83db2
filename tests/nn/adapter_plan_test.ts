import assert from "node:assert/strict";
import { type AdapterPlan, type LoraShape, planDifferences } from "../../src/nn/adapter_plan.ts";

const plain: LoraShape = { rank: 4, alpha: 8, scale: 2, dora: false };

const planOf = (
  shape: LoraShape = plain,
  paths: ReadonlyArray<string> = ["a.q_proj", "b.q_proj"],
): AdapterPlan => ({ linears: new Map(paths.map((path) => [path, shape])) });

Deno.test("planDifferences() finds none between equal plans, nor where LoRA goes on as DoRA", () => {
  assert.deepEqual(planDifferences(planOf(), planOf()), []);
  assert.deepEqual(planDifferences(planOf({ ...plain, dora: true }), planOf()), []);
});

const differing: ReadonlyArray<readonly [string, AdapterPlan, ReadonlyArray<readonly string[]>]> = [
  ["modules", planOf(plain, ["a.v_proj", "b.v_proj"]), [["targetModules", "adapts v_proj"]]],
  ["a layer more", planOf(plain, ["a.q_proj", "b.q_proj", "c.q_proj"]), [
    ["targetModules", "adapts q_proj"],
  ]],
  ["the embedding", { ...planOf(), embedding: plain }, [
    ["targetModules", "adapts q_proj, embed_tokens"],
  ]],
  ["rank", planOf({ ...plain, rank: 2, alpha: 4 }), [["rank", "has rank 2, as of a.q_proj"]]],
  ["scale and DoRA", planOf({ ...plain, alpha: 6, scale: 1.5, dora: true }), [
    ["alpha", "scales by 1.5 and not by 2, as of a.q_proj"],
    ["dora", "has DoRA, as of a.q_proj"],
  ]],
  ["one module's alpha", {
    linears: new Map([["a.q_proj", plain], ["b.q_proj", { ...plain, alpha: 2, scale: 0.5 }]]),
  }, [["alpha", "scales by 0.5 and not by 2, as of b.q_proj"]]],
];

for (const [what, stored, expected] of differing) {
  Deno.test(`planDifferences() says which option differs: ${what}`, () => {
    const differences = planDifferences(planOf(), stored);
    assert.deepEqual(differences.map(({ option, found }) => [option, found]), expected);
  });
}
