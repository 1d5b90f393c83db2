import assert from "node:assert/strict";
import { rowsProblem } from "../../src/nn/adapter_files.ts";
import type { Adapter } from "../../src/weights/stored_adapter.ts";

const table = { shape: [1, 2], data: new Float32Array(2) };
const plain: Adapter = {
  rank: 1,
  alpha: 1,
  dropout: 0,
  rsLora: false,
  base: { model: "" },
  linears: new Map(),
};

Deno.test("rowsProblem() names rows of other tokens and whole tables, and nothing else", () => {
  const stored = { ...plain, rows: { tokens: [{ id: 7 }], input: table } };
  assert.equal(rowsProblem(plain, [7]), undefined);
  assert.equal(rowsProblem(stored, [7]), undefined);
  assert.equal(rowsProblem(stored, [8]), "has rows of the tokens 7, and not of 8");
  const tables = new Map([["lm_head", table], ["model.embed_tokens", table]]);
  assert.equal(
    rowsProblem({ ...stored, tables }, [7]),
    "has whole tables: lm_head, model.embed_tokens",
  );
});
