// BLEU and chrF++ against sacreBLEU's own numbers (tests/parity/make_metric_goldens.py).
import assert from "node:assert/strict";
import { addBleuCounts, bleu, bleuCounts, bleuOf } from "../../../src/evaluation/metrics/bleu.ts";
import { addChrfCounts, chrf, chrfCounts, chrfOf } from "../../../src/evaluation/metrics/chrf.ts";
import { signatureOf, type Translated } from "../../../src/evaluation/metrics/metric.ts";
import goldens from "../../../fixtures/goldens/metrics/translations.json" with { type: "json" };

const near = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${what}: ${actual} instead of ${expected}`);

const metrics = { bleu, chrf } as const;

for (const name of ["bleu", "chrf"] as const) {
  Deno.test(`${name} equals sacreBLEU, with several references and with one`, () => {
    const several: ReadonlyArray<Translated> = goldens.pairs;
    const one = several.map(({ hypothesis, references }): Translated => ({
      hypothesis,
      references: references.slice(0, 1),
    }));
    for (
      const [pairs, golden] of [[several, goldens.scores], [one, goldens.one_reference]] as const
    ) {
      const { value, items } = metrics[name].score(pairs);
      near(value, golden[name].value, "corpus");
      assert.equal(items.length, 63);
      for (const [i, item] of items.entries()) {
        near(item, golden[name].items[i]!, JSON.stringify(pairs[i]));
      }
      const version = `|version:${goldens.sacrebleu}`;
      assert.equal(signatureOf(metrics[name], pairs) + version, golden[name].signature);
    }
  });
}

Deno.test("addBleuCounts() and addChrfCounts() make a corpus of what was counted once", () => {
  const pairs: ReadonlyArray<Translated> = goldens.pairs;
  near(bleuOf(addBleuCounts(pairs.map(bleuCounts))), goldens.scores.bleu.value, "bleu");
  near(chrfOf(addChrfCounts(pairs.map(chrfCounts))), goldens.scores.chrf.value, "chrf");
  const twice = bleu.score([...pairs, ...pairs]).value;
  near(twice, goldens.scores.bleu.value, "a corpus twice is as good as once");
});

Deno.test("bleu and chrf refuse a translation without a reference, and score none as NaN", () => {
  for (const metric of [bleu, chrf]) {
    assert.throws(
      () => metric.score([{ hypothesis: "a", references: [] }]),
      /at least one reference/,
    );
    assert.deepEqual(metric.score([]), { value: NaN, items: [] });
  }
});
