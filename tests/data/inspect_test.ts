import assert from "node:assert/strict";
import { inspectExample } from "../../src/data/inspect.ts";
import { tinyTokenizer } from "../support/tiny_tokenizer.ts";

const tokenizer = tinyTokenizer();
const example = {
  ids: [...tokenizer.encode("<s> what <assistant> red </s>")],
  supervised: [false, false, false, true, true],
};

Deno.test("inspectExample() marks supervised tokens with brackets", () => {
  assert.equal(
    inspectExample(tokenizer, example),
    "<s> what <assistant> [red] [</s>]   (2 of 5 tokens supervised)",
  );
});

Deno.test("inspectExample() marks them with colour when asked", () => {
  const line = inspectExample(tokenizer, example, { color: true });
  assert.ok(line.includes("\x1b[32mred\x1b[0m") && !line.includes("[" + "red]"));
});

Deno.test("inspectExample() shows control characters and ids without a token", () => {
  const bytes = { tokenOf: (id: number) => id === 0 ? "\n" : undefined };
  assert.equal(
    inspectExample(bytes, { ids: [0, 7], supervised: [false, false] }),
    "\\n #7   (0 of 2 tokens supervised)",
  );
});
