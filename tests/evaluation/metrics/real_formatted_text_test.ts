// The 111 reference answers of the formatted-text task, where DELIA_REAL_DATA has them.
import assert from "node:assert/strict";
import {
  formatRate,
  formatRates,
  hallucinationFormat,
  labelOf,
} from "../../../src/evaluation/metrics/formatted_text.ts";
import { readObject } from "../../../src/evaluation/metrics/read_object.ts";
import { type ChatRow, realRows } from "../real_data.ts";

const train = realRows<ChatRow>("delia/train_dataset.jsonl");
const test = realRows<ChatRow>("delia/eval_dataset.jsonl");
const ignore = train === undefined || test === undefined;
const answers = [...train ?? [], ...test ?? []].map(({ messages }) => messages[1].content);

Deno.test({
  name: "readObject() reads 111 of 111 reference answers, none of which is JSON",
  ignore,
  fn: () => {
    assert.equal(answers.length, 111);
    assert.deepEqual(
      new Set(answers.map((answer) => readObject(answer)?.by)),
      new Set(["python"]),
    );
    const items = answers.map((answer) => ({
      answer,
      gold: labelOf(answer, hallucinationFormat) ?? "",
    }));
    const golds = items.map(({ gold }) => gold);
    // The counts of labels that the data is known to have: the reader took no wrong end.
    assert.deepEqual(
      ["no", "yes"].map((label) => golds.slice(0, 100).filter((gold) => gold === label).length),
      [85, 15],
    );
    const rates = formatRates.map((rate) =>
      formatRate(rate, hallucinationFormat).score(items).value
    );
    assert.deepEqual(rates, [0, 1, 1, 1]);
  },
});

Deno.test({
  name: "readObject() reads a reference answer cut short in its thought only where it is lenient",
  ignore,
  fn: () => {
    for (const answer of answers) {
      for (const keep of [0.2, 0.5]) {
        const cut = answer.slice(0, Math.floor(answer.length * keep));
        assert.equal(readObject(cut), undefined, cut);
        const mended = readObject(cut, "lenient");
        assert.equal(mended?.by, "repair", cut);
        assert.equal(typeof mended.object.thought, "string", cut);
      }
    }
  },
});
