import assert from "node:assert/strict";
import { changeConfig } from "../../src/models/config_text.ts";

Deno.test("changeConfig() changes and adds fields, and spells every other number as before", () => {
  const text = '{"cap": 30.0, "vocab_size": 5, "rope": {"theta": [1e6, 0.10]}, "name": "30.0"}';
  assert.equal(
    changeConfig(text, { vocab_size: 6, tied: false }).replace(/\s+/g, " "),
    '{ "cap": 30.0, "vocab_size": 6, "rope": { "theta": [ 1e6, 0.10 ] }, "name": "30.0", "tied": false } ',
  );
});
