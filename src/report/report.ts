/** The report of a run: one HTML file that needs nothing else. @module */
import { Effect } from "effect";
import { declaredBehaviours } from "../config/reference_behaviours.ts";
import { armNames } from "../config/run_config.ts";
import { shortageNote } from "../delia/mixing.ts";
import { rateNames, type ReportedRun } from "../experiments/result.ts";
import type { Roofline } from "../roofline/measure_step.ts";
import type { MetricRecord } from "../training/metric_log.ts";
import { answers } from "./answers.ts";
import { lossChart, lossDomain, mostPoints, rateChart } from "./charts.ts";
import { claimsOf, verdict } from "./claims.ts";
import {
  counted,
  formatBytes,
  formatNumber,
  formatSeconds,
  missing,
  rateMeanings,
  rateTitle,
  selectivityMeaning,
} from "./columns.ts";
import { type Content, type Html, markup, trusted } from "./html.ts";
import { limitsOf } from "./limits.ts";
import { paperCaveat, paperNotes } from "./paper_numbers.ts";
import { page } from "./page.ts";
import { rooflineSection } from "./roofline.ts";
import { runTime } from "./run_time.ts";
import { settingsTable } from "./settings_table.ts";
import { distanceTable, dot, rateTable, seedTable } from "./result_table.ts";
import { armLabels, type ArmSummary, seedsOf, summarise } from "./summary.ts";

/** The whole of `report.html`; `metrics` are the lines of `metrics.jsonl`. */
export const renderReport: (
  result: ReportedRun,
  metrics: ReadonlyArray<MetricRecord>,
  roofline?: Roofline,
) => Effect.Effect<string> = Effect.fnUntraced(function* (result, metrics, roofline) {
  const arms = summarise(result);
  const rateFigures = yield* Effect.forEach(
    rateNames,
    (rate) =>
      Effect.map(rateChart(rate, arms), (svg) => figure(rateTitle(rate), rateMeanings[rate], svg)),
  );
  const lossFigures = yield* drawLosses(metrics);
  const token = result.config.newToken.token;
  const title = `DELIA: ${
    result.preset ?? (result.seconds === undefined ? unfinished : "a run of train")
  }`;
  return page(
    title,
    markup`<header><h1>${title}</h1>
<p class="soft">What <code>${token}</code> came to mean to <code>${result.config.model.source}</code>, arm by
arm. ${seedsText(result)}</p></header>
${headline(result, arms)}
<h2>Results</h2>
${rateTable(arms)}
<p class="small soft">Rates in [0, 1]; 1 is the wanted behaviour. Selectivity is ${selectivityMeaning}.
Seen: downstream examples, repetitions counted. With several seeds: mean and [least, greatest].</p>
<h3>L2 distance of <code>${token}</code> to the words</h3>
${distanceTable(arms)}
<p class="small soft">Between the hidden state of <code>${token}</code> and that of the word in its place,
after the first, middle and last block.</p>
<p class="small">Rows in italics: <b>${paperCaveat}</b>. ${paperNotes.join(" ")}</p>
${seedTable(result, arms)}
<h2>Rates by arm</h2>
<p class="soft small">A point a seed; the bar is the mean.</p>
<div class="grid">${rateFigures}</div>
<h2>Loss</h2>
${
      lossFigures.length === 0
        ? markup`<p>The run has no step records.</p>`
        : markup`<p class="soft small">A
line a seed: nats a supervised token, on one logarithmic axis for all (a loss of exactly 0 is left out), by
optimizer step, each arm on an axis of its own. Curves of more than ${mostPoints} steps show means of
neighbours. The arms train on different data: the level of one says nothing about another.</p>
<div class="grid">${lossFigures}</div>`
    }
<h2>Answers</h2>
${answers(result, arms)}
<h2>Protocol</h2>
${protocol(result)}
<h2>Machine and cost</h2>
${machine(result, arms)}
${roofline ? yield* rooflineSection(roofline) : undefined}
<h2>Limits</h2>
<ul>${limitsOf(result).map((limit) => markup`<li>${limit}</li>\n`)}</ul>
`,
  );
});

/** What stands for a number that a run gets only at its end. */
const unfinished = "a run that is not finished";

const seedsText = (result: ReportedRun): string => {
  const seeds = seedsOf(result);
  return seeds.length === 1
    ? `One seed: ${seeds[0]}.`
    : `Means over ${seeds.length} seeds: ${seeds.join(", ")}.`;
};

/** DELIA's main numbers, then which claims hold. */
const headline = (result: ReportedRun, arms: ReadonlyArray<ArmSummary>): Html => {
  const of = (name: string, metric: string) =>
    arms.find((arm) => arm.name === name)?.metrics[metric]?.mean;
  const fact = (label: string, metric: string, kind: "rate" | "selectivity"): Html =>
    markup`<div class="panel"><span class="small soft">${label}</span>
<b>${
      formatNumber(kind, of("delia", metric))
    }</b><span class="small soft">${armLabels.common_matched_steps}: ${
      formatNumber(kind, of("common_matched_steps", metric))
    }</span></div>
`;
  const claims = claimsOf(arms, result.config.newToken.token).map((claim) =>
    markup`<li class="panel"><b>${claim.topic}</b> <span class="verdict ${
      claim.holds === undefined ? "" : claim.holds ? "yes" : "no"
    }">${verdict(claim)} in this run</span><p>${claim.text}</p></li>
`
  );
  return markup`<h2>In short</h2>
<div class="facts">
${fact("DELIA, held-out phrasing (T1)", "t1_held_out_phrasing", "rate")}${
    fact("DELIA, negation obeyed (T3)", "t3_negation", "rate")
  }${fact("DELIA, no leak (T4)", "t4_no_token", "rate")}${
    fact("DELIA, selectivity", "selectivity", "selectivity")
  }</div>
<ul class="claims">${claims}</ul>`;
};

const figure = (title: Content, text: string, svg: string): Html =>
  markup`<figure><figcaption><b>${title}</b>${text}</figcaption>${trusted(svg)}</figure>
`;

/** A figure for every training that has records, arms first. */
const drawLosses = (
  metrics: ReadonlyArray<MetricRecord>,
): Effect.Effect<ReadonlyArray<Html>> => {
  const domain = lossDomain(metrics);
  const others = [...new Set(metrics.map(({ name }) => name))]
    .filter((name) => armNames.every((arm) => arm !== name));
  const figures = [...armNames, ...others].flatMap((name) => {
    const records = metrics.filter((record) => record.name === name);
    if (records.length === 0) return [];
    const arm = armNames.find((known) => known === name);
    const title = arm === undefined ? name : [dot({ name: arm }), armLabels[arm]];
    const steps = counted(new Set(records.map(({ step }) => step)).size, "step"); // of several seeds alike
    return [Effect.map(lossChart(records, domain), (svg) => figure(title, steps, svg))];
  });
  return Effect.all(figures);
};

const protocol = (result: ReportedRun): Html => {
  const short = result.arms.flatMap(({ name, seed, shortage }) =>
    shortage === undefined ? [] : [`${armLabels[name]}, seed ${seed}: ${shortageNote(shortage)}.`]
  );
  const said = [...declaredBehaviours(result.config), ...result.notes ?? [], ...short];
  return markup`<p>Preset <code>${
    result.preset ?? missing
  }</code>. Completion-only loss, normalised over the supervised
tokens of the whole optimizer step; greedy answers in the tests.</p>
${said.length > 0 ? markup`<ul>${said.map((line) => markup`<li>${line}</li>\n`)}</ul>` : undefined}
${settingsTable(result.config)}`;
};

const machine = (result: ReportedRun, arms: ReadonlyArray<ArmSummary>): Html => {
  const seconds = arms
    .map((arm) =>
      `${arm.label} ${arm.seconds === undefined ? missing : formatSeconds(arm.seconds.mean)}`
    )
    .join(" · ");
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["device", result.device ?? missing],
    ["whole run", result.seconds === undefined ? unfinished : runTime(result.seconds, result.legs)],
    ["arms (mean of a seed)", seconds],
    [
      "peak GPU memory",
      result.peakGpuBytes === undefined
        ? missing
        : `${formatBytes(result.peakGpuBytes)} (${result.peakGpuBytes} bytes)`,
    ],
    ...Object.entries(result.versions ?? {}),
  ];
  return markup`<div class="scroll"><table><tbody>${
    rows.map(([name, text]) =>
      markup`<tr><th scope="row">${name}</th><td class="text">${text}</td></tr>
`
    )
  }</tbody></table></div>`;
};
