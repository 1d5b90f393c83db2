/** The report of an experiment: one HTML file that needs nothing else. @module */
import { Effect } from "effect";
import type { Experiment, Findings } from "../experiments/experiment.ts";
import type { Table } from "../experiments/presentation.ts";
import { formatCell } from "./findings_text.ts";
import { type Html, markup, trusted } from "./html.ts";
import { reportStyle } from "./report_style.ts";

/** What the report shows. */
export interface ReportedExperiment {
  readonly findings: Findings;
}

/** The whole of an experiment's `report.html`. */
export const renderExperiment = (
  experiment: Experiment,
  { findings }: ReportedExperiment,
): Effect.Effect<string> =>
  Effect.succeed(
    markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${experiment.title}</title>
<style>${trusted(reportStyle)}</style>
</head>
<body>
<main>
<header><h1>${experiment.title}</h1><p class="soft">${experiment.paper}</p></header>
${findings.tables.map(tableHtml)}
</main>
</body>
</html>
`.html,
  );

const tableHtml = ({ title, notes, columns, rows }: Table): Html =>
  markup`<h2>${title}</h2>
<div class="scroll"><table><thead><tr><th scope="col"></th>${
    columns.map(({ title }) => markup`<th scope="col">${title}</th>`)
  }</tr></thead><tbody>${
    rows.map(({ label, cells }) =>
      markup`<tr><th scope="row">${label}</th>${
        columns.map(({ kind }, i) => markup`<td>${formatCell(kind, cells[i])}</td>`)
      }</tr>
`
    )
  }</tbody></table></div>
${notes.map((note) => markup`<p class="small soft">${note}</p>`)}
`;
