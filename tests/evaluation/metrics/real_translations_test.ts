// Metrics of translation on the English–Icelandic documents, where DELIA_REAL_DATA has them.
import assert from "node:assert/strict";
import { bleu } from "../../../src/evaluation/metrics/bleu.ts";
import { chrf } from "../../../src/evaluation/metrics/chrf.ts";
import { lengthRatio } from "../../../src/evaluation/metrics/length_ratio.ts";
import { signatureOf, type Translated } from "../../../src/evaluation/metrics/metric.ts";
import { languageProfile, offTargetRate } from "../../../src/evaluation/metrics/off_target.ts";
import { refusalRate } from "../../../src/evaluation/metrics/refusal_rate.ts";
import { alignLines, withoutPrefix } from "../../../src/evaluation/metrics/translated_text.ts";
import { type DocumentRow, realRows } from "../real_data.ts";
import goldens from "../../../fixtures/goldens/metrics/translations.json" with { type: "json" };

/** As make_metric_goldens.py makes a line worse: every seventh word left out, every fifth doubled. */
const worse = (line: string): string =>
  line.split(" ").filter((_, i) => i % 7 !== 3).map((word, i) =>
    i % 5 === 2 ? `${word} ${word}` : word
  )
    .join(" ");
const worseLines = (text: string): string => text.split("\n").map(worse).join("\n");

const sha256 = async (text: string): Promise<string> => {
  const bytes = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)),
  );
  return bytes.toHex();
};

const stripped = (response: string): string => withoutPrefix(response).trim();

const files = goldens.documents.map(({ file, ...golden }) => ({
  file,
  ...golden,
  rows: realRows<DocumentRow>(file),
}));

for (const { file, rows = [], sha256: expected, corpora } of files) {
  Deno.test({
    name: `bleu and chrf equal sacreBLEU's on ${file}`,
    ignore: rows.length === 0,
    fn: async () => {
      const text = Deno.readTextFileSync(`${Deno.env.get("DELIA_REAL_DATA")}/${file}`);
      assert.equal(await sha256(text), expected, `${file} is not the file that was scored`);
      const texts = rows.map(({ response }) => stripped(response));
      const pairs: Readonly<Record<keyof typeof corpora, ReadonlyArray<Translated>>> = {
        "whole, prefix kept": rows.map(({ response }) => ({
          hypothesis: worseLines(response),
          references: [response],
        })),
        "whole": texts.map((own) => ({ hypothesis: worseLines(own), references: [own] })),
        "lines": rows.flatMap(({ response }) =>
          alignLines({ hypothesis: response, references: [response] })
        ).map(({ hypothesis, references }) => ({ hypothesis: worse(hypothesis), references })),
        "source": rows.map(({ query }, i) => ({ hypothesis: query, references: [texts[i]!] })),
        "next": texts.map((own, i) => ({
          hypothesis: texts[(i + 1) % texts.length]!,
          references: [own],
        })),
      };
      for (const kind of Object.keys(pairs) as ReadonlyArray<keyof typeof corpora>) {
        for (const [name, metric] of Object.entries({ bleu, chrf })) {
          const golden = corpora[kind][name as "bleu" | "chrf"];
          const { value, items } = metric.score(pairs[kind]);
          const what = `${kind}, ${name}`;
          assert.equal(items.length, golden.count, what);
          assert.ok(Math.abs(value - golden.value) < 1e-6, `${what}: ${value} ${golden.value}`);
          for (const [i, item] of golden.items.entries()) {
            assert.ok(Math.abs(items[i]! - item) < 1e-6, `${what}: ${items[i]} ${item}`);
          }
          assert.equal(
            `${signatureOf(metric, pairs[kind])}|version:${goldens.sacrebleu}`,
            golden.signature,
          );
        }
      }
    },
  });
}

const rowsOf = (name: string): ReadonlyArray<DocumentRow> =>
  files.find(({ file }) => file === `leverage/${name}.jsonl`)?.rows ?? [];
const missing = files.some(({ rows }) => rows === undefined);

Deno.test({
  name: "offTargetRate() tells English from Icelandic in every document and nearly every line",
  ignore: missing,
  fn: () => {
    const profiles = [
      languageProfile("is", rowsOf("dev-en-is").map(({ response }) => stripped(response))),
      languageProfile("en", rowsOf("dev-is-en").map(({ response }) => stripped(response))),
    ];
    for (
      const [name, target, other] of [["test-en-is", "is", "en"], [
        "test-is-en",
        "en",
        "is",
      ]] as const
    ) {
      const documents = rowsOf(name).map(({ response }) => stripped(response));
      const items = documents.map((hypothesis) => ({ hypothesis }));
      assert.equal(offTargetRate(target, profiles).score(items).value, 0);
      assert.equal(offTargetRate(other, profiles).score(items).value, 1);
      const lines = documents.flatMap((text) => text.split("\n")).map((hypothesis) => ({
        hypothesis,
      }));
      const { value } = offTargetRate(target, profiles).score(lines);
      assert.ok(value < 0.005, `${value} of ${lines.length} lines`);
    }
  },
});

Deno.test({
  name: "refusalRate() and lengthRatio find nothing odd in reference translations",
  ignore: missing,
  fn: () => {
    for (const name of ["test-en-is", "test-is-en"]) {
      const items = rowsOf(name).map(({ query, response }) => ({
        hypothesis: stripped(response),
        references: [query.slice(query.indexOf("\n\n")).trim()],
      }));
      assert.equal(refusalRate().score(items).value, 0);
      const { value, items: ratios } = lengthRatio.score(items);
      assert.ok(value > 0.9 && value < 1.15, `${value}`);
      assert.ok(Math.min(...ratios) > 0.7 && Math.max(...ratios) < 1.4);
    }
  },
});
