/** The report of an experiment: one HTML file that needs nothing else. @module */
import { Effect } from "effect";
import type { RunConfig } from "../config/run_config.ts";
import type { Answer, Experiment, Findings, RecipeRecord } from "../experiments/experiment.ts";
import type { ExperimentCost } from "../experiments/result.ts";
import type { Roofline } from "../roofline/measure_step.ts";
import { formatBytes } from "./columns.ts";
import { claimPanel, figureHtml, tableHtml } from "./findings_html.ts";
import { type Html, markup, trusted } from "./html.ts";
import { page } from "./page.ts";
import { paperCaveat } from "./paper_numbers.ts";
import { rooflineSection } from "./roofline.ts";
import { runTime } from "./run_time.ts";
import { settingsTable } from "./settings_table.ts";

/** What the report shows of a finished experiment. */
export interface ReportedExperiment {
  readonly config: RunConfig;
  readonly findings: Findings;
  readonly records: ReadonlyArray<RecipeRecord>;
  /** What was done with files of the user's own, and what of the reference code is reproduced. */
  readonly notes?: ReadonlyArray<string>;
  /** What it took; a run that is not finished does not know. */
  readonly run?: ExperimentCost;
  /** What was measured of its training step. */
  readonly roofline?: Roofline;
}

/** The whole of an experiment's `report.html`. */
export const renderExperiment: (
  experiment: Experiment,
  result: ReportedExperiment,
) => Effect.Effect<string> = Effect.fnUntraced(function* (experiment, result) {
  const { findings: { tables, figures, claims }, config, records } = result;
  const charts = yield* Effect.forEach(figures, figureHtml);
  const { title, paper, protocol, deviations } = experiment;
  const list = (texts: ReadonlyArray<string>): Html =>
    markup`<ul>${texts.map((text) => markup`<li>${text}</li>\n`)}</ul>`;
  return page(
    `DELIA: ${title}`,
    markup`<header><h1>${title}</h1>
<p class="soft">${paper} of <a href="https://arxiv.org/abs/2408.10841">arXiv 2408.10841</a> on
<code>${config.model.source}</code>. ${seedsText(records)}</p></header>
<h2>In short</h2>
<ul class="claims">${claims.map(claimPanel)}</ul>
${tables.map(tableHtml)}
<p class="small">Rows in italics: <b>${paperCaveat}</b>.</p>
${charts.length > 0 ? markup`<h2>Charts</h2>\n<div class="charts">${charts}</div>` : undefined}
${answersHtml(records, labelsOf(experiment, config))}
<h2>Protocol</h2>
${list([...protocol, ...result.notes ?? []])}
<h3>What differs from the paper's, and what was not reproduced</h3>
${list(deviations)}
${settingsTable(config)}
<h2>Machine and cost</h2>
${machine(result)}
${result.roofline ? yield* rooflineSection(result.roofline) : undefined}`,
  );
});

const seedsText = (records: ReadonlyArray<RecipeRecord>): string => {
  const seeds = [...new Set(records.map(({ seed }) => seed))].sort((a, b) => a - b);
  return seeds.length === 1 ? `One seed: ${seeds[0]}.` : `Seeds ${seeds.join(", ")}.`;
};

type Labels = ReadonlyMap<string, string>;

const labelsOf = ({ recipes }: Experiment, config: RunConfig): Labels =>
  new Map(recipes(config).map(({ name, label }) => [name, label]));

/** Prompts that are shown of each test. */
const shownPrompts = 3;

// The same prompts answered by every recipe, of the first seed.
const answersHtml = (
  records: ReadonlyArray<RecipeRecord>,
  labels: Labels,
): Html | undefined => {
  const seed = Math.min(...records.map((record) => record.seed));
  const first = records.filter((record) => record.seed === seed && record.answers.length > 0);
  const tests = [...new Set(first.flatMap(({ answers }) => answers.map(({ test }) => test)))];
  if (tests.length === 0) return undefined;
  const sections = tests.map((test, index) => {
    const prompts = [
      ...new Set(first[0]!.answers.filter((it) => it.test === test).map(({ prompt }) => prompt)),
    ].slice(0, shownPrompts);
    return markup`<details${index === 0 ? trusted(" open") : undefined}><summary>${test}</summary>
${prompts.map((prompt) => promptHtml(prompt, test, first, labels))}</details>
`;
  });
  return markup`<h2>Answers</h2>
<p class="soft">Seed ${seed}, the first prompts of each test as the run met them, not chosen.</p>
${sections}`;
};

const promptHtml = (
  prompt: string,
  test: string,
  records: ReadonlyArray<RecipeRecord>,
  labels: Labels,
): Html => {
  const found = records.flatMap(({ recipe, answers }) => {
    const answer = answers.find((it) => it.test === test && it.prompt === prompt);
    return answer ? [{ recipe, answer }] : [];
  });
  return markup`<p class="prompt"><code>${prompt}</code> <span class="soft small">wanted: ${
    found[0]?.answer.wanted
  }</span></p>
<div class="answers">${
    found.map(({ recipe, answer }) => answerPanel(labels.get(recipe) ?? recipe, answer))
  }</div>
`;
};

const answerPanel = (label: string, { answer, right }: Answer): Html =>
  markup`<div class="panel"><div class="small"><b>${label}</b> <span class="verdict ${
    right ? "yes" : "no"
  }">${right ? "✓ as wanted" : "✗ not as wanted"}</span></div><pre>${answer}</pre></div>
`;

const machine = ({ run, records }: ReportedExperiment): Html => {
  const steps = records.reduce((sum, record) => sum + record.steps, 0);
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["trainings", `${records.length}, ${steps} optimizer steps in all`],
    ...run
      ? [
        ["device", run.device],
        ["whole run", runTime(run.seconds, run.legs)],
        ["peak GPU memory", formatBytes(run.peakGpuBytes)],
        ["version", run.version],
      ] as const
      : [["state", "a run that is not finished"]] as const,
  ];
  return markup`<div class="scroll"><table><tbody>${
    rows.map(([name, text]) =>
      markup`<tr><th scope="row">${name}</th><td class="text">${text}</td></tr>
`
    )
  }</tbody></table></div>`;
};
