import { Effect } from "effect";
import assert from "node:assert/strict";
import { lossDomain } from "../../src/report/charts.ts";
import { escapeHtml, markup } from "../../src/report/html.ts";
import { renderReport } from "../../src/report/report.ts";
import { armLabels, summarise } from "../../src/report/summary.ts";
import { sampleArm, sampleMetrics, sampleRun } from "./sample_run.ts";

Deno.test("renderReport() shows every arm and seed, and needs nothing from elsewhere", async () => {
  const run = sampleRun(2);
  const html = await Effect.runPromise(renderReport(run, sampleMetrics(2)));
  for (const arm of summarise(run)) {
    for (const seed of [42, 43]) {
      assert.ok(
        html.includes(`${escapeHtml(arm.label)}, seed ${seed}</th>`),
        `${arm.name} ${seed}`,
      );
    }
  }
  assert.ok(html.includes("not comparable in magnitude"));
  assert.ok(html.includes(`${run.peakGpuBytes} bytes`));
  assert.ok(html.includes("optimizer.learningRate"));
  assert.ok(html.includes("t1_held_out_phrasing_exact"));
  // 6 rates and 4 trained arms; the base has no steps
  assert.equal(html.split("<svg").length - 1, 10);
  const outward = html.replaceAll(/xmlns(:xlink)?="[^"]*"/g, "");
  assert.doesNotMatch(outward, /https?:|<script|<link|@import|url\(|src=/);
  assert.doesNotMatch(html, /NaN|undefined|\[object/);
});

Deno.test("renderReport() counts the steps of a loss chart, which records number from 0", async () => {
  const records = sampleMetrics(2).filter(({ name }) => name === "delia");
  const stepsShown = async (most: number): Promise<string | undefined> => {
    const html = await Effect.runPromise(
      renderReport(sampleRun(2), records.filter(({ step }) => step < most)),
    );
    return html.match(/(\d+ steps?)<\/figcaption>/)?.[1];
  };
  assert.equal(await stepsShown(Infinity), `${sampleArm("delia", 42).steps} steps`);
  assert.equal(await stepsShown(2), "2 steps");
  assert.equal(await stepsShown(1), "1 step");
});

Deno.test("renderReport() numbers the steps of a chart whole, even of a single one", async () => {
  const first = sampleMetrics(1).filter(({ step }) => step === 0);
  const html = await Effect.runPromise(renderReport(sampleRun(1), first));
  assert.doesNotMatch(html, />0\.0{6}</);
});

Deno.test("renderReport() colours charts from the page, so that dark pages stay readable", async () => {
  const html = await Effect.runPromise(renderReport(sampleRun(1), sampleMetrics(1)));
  const texts = html.match(/<text [^>]*>/g) ?? [];
  assert.ok(texts.length > 50);
  for (const text of texts) assert.match(text, /fill="currentColor"/);
});

Deno.test("renderReport() escapes what models and people wrote", async () => {
  const evil = `<script>alert("1")</script>&'`;
  const base = sampleRun(1);
  const arm = sampleArm("delia", 42);
  const html = await Effect.runPromise(renderReport({
    ...base,
    preset: evil,
    device: evil,
    versions: { [evil]: evil },
    config: {
      ...base.config,
      model: { ...base.config.model, source: evil },
      newToken: { ...base.config.newToken, token: evil },
    },
    arms: [{
      ...arm,
      metrics: { ...arm.metrics, [evil]: 1 },
      samples: [{ test: "t2_transfer", prompt: evil, answer: evil, wanted: evil, right: true }],
    }],
  }, sampleMetrics(1).map((record) => ({ ...record, name: evil }))));
  assert.doesNotMatch(html, /<script/);
  assert.ok(html.includes("&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;&#38;&#39;"));
});

Deno.test("renderReport() shows a dash where numbers are missing, and no chart of no steps", async () => {
  const run = { ...sampleRun(1), arms: [{ ...sampleArm("base", 42), metrics: {}, samples: [] }] };
  const html = await Effect.runPromise(renderReport(run, []));
  assert.match(html, /<td>–<\/td>/);
  assert.ok(html.includes("no step records"));
  assert.ok(html.includes("kept no answers"));
  assert.doesNotMatch(html, /NaN|undefined/);
});

Deno.test("renderReport() puts the arms' answers to one prompt side by side", async () => {
  const html = await Effect.runPromise(renderReport(sampleRun(1), []));
  const [, first = ""] = html.split(`<div class="answers">`);
  const cards = first.split("</details>")[0] ?? "";
  for (const label of Object.values(armLabels)) assert.ok(cards.includes(label), label);
});

Deno.test("markup escapes contents, but not HTML among them", () => {
  const name = `<b a="1" c='2'>&`;
  assert.equal(
    markup`<i>${name}${[markup`<br>`, 3, undefined]}</i>`.html,
    "<i>&#60;b a=&#34;1&#34; c=&#39;2&#39;&#62;&#38;<br>3</i>",
  );
});

Deno.test("lossDomain() spans the losses that a logarithmic axis can show", () => {
  const [some] = sampleMetrics(1);
  assert.ok(some);
  const records = [0.02, 5, 0, NaN].map((loss) => ({ ...some, loss }));
  const [low, high] = lossDomain(records);
  assert.ok(low <= 0.02 && low > 0.005 && high >= 5 && high < 20);
  assert.deepEqual(lossDomain([]), [0.1, 10]);
});
