/** The roofline of a training step as part of a report. @module */
import { Effect } from "effect";
import type { KernelShare, Roofline } from "../roofline/measure_step.ts";
import { totalBytes } from "../roofline/minimum_bytes.ts";
import { drawChart, palette } from "./charts.ts";
import { formatBytes } from "./columns.ts";
import { type Content, type Html, markup, trusted } from "./html.ts";
import { factsOf, kernelColumns, kernelHeads, stepText } from "./roofline_text.ts";

/** What the kernels of a step achieve, and where its time and memory go. */
export const rooflineSection: (roofline: Roofline) => Effect.Effect<Html> = Effect.fnUntraced(
  function* (roofline) {
    const roofs = yield* roofChart(roofline);
    const times = yield* timeChart(roofline.kernels);
    return markup`<h2>Roofline of a training step</h2>
<p class="soft">${stepText(roofline)}. Medians.</p>
<div class="facts">
${
      factsOf(roofline).map(({ label, value, note }) =>
        markup`<div class="panel"><span class="small soft">${label}</span>
<b>${value}</b><span class="small soft">${note}</span></div>
`
      )
    }</div>
<h3>Kernels</h3>
${kernelTable(roofline)}
<p class="small soft">Time by GPU timestamps, each dispatch in a pass of its own, so that short kernels look
longer than they are. Bytes count every operand once; operations count products, of attention with the
scores that are computed again and only where a row may look. Other kernels only move. A share above
100 %: the data lay in a cache, or the kernel leaves part of an operand alone.</p>
<div class="charts">
<figure><figcaption><b>Under the roof</b>A point a kernel that multiplies: operations a byte, and a
second. The line is what memory and arithmetic allow.</figcaption>${trusted(roofs)}</figure>
<figure><figcaption><b>Where a step goes</b>Milliseconds by kernel, the longest twelve.</figcaption>${
      trusted(times)
    }</figure>
</div>
<h3>Bytes at the peak, at the least</h3>
${minimumTable(roofline)}
<p class="small soft">When the backward enters the last layer. No product is computed twice unless a layer
runs again; what an elementwise kernel can make again from what is kept is not kept: the outputs of both
norms, and act(gate)·up. Logits exist in pieces, which are not counted.</p>
`;
  },
);

// Names of kernels are long words: on a narrow screen they would hide the columns behind them.
const breakable = (name: string): Content =>
  name.split("_").map((word, at) => at === 0 ? word : markup`_<wbr>${word}`);

const kernelTable = (roofline: Roofline): Html =>
  markup`<div class="scroll"><table>
<thead><tr>${kernelHeads.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${
    roofline.kernels.map((kernel) => {
      const [name, ...rest] = kernelColumns(kernel, roofline);
      return markup`<tr><th scope="row">${breakable(name!)}</th>${
        rest.map((cell) => markup`<td>${cell}</td>`)
      }</tr>
`;
    })
  }</tbody></table></div>`;

const minimumTable = ({ minimum, peakBytes }: Roofline): Html =>
  markup`<div class="scroll"><table>
<thead><tr><th scope="col">part</th><th scope="col" class="text">formula</th><th scope="col">bytes</th></tr></thead>
<tbody>${
    minimum.map(({ what, formula, bytes }) =>
      markup`<tr><th scope="row">${what}</th><td class="text">${formula}</td><td>${
        formatBytes(bytes)
      }</td></tr>
`
    )
  }<tr class="delia"><th scope="row">minimum</th><td></td><td>${
    formatBytes(totalBytes(minimum))
  }</td></tr>
<tr><th scope="row">measured peak</th><td></td><td>${formatBytes(peakBytes)}</td></tr>
</tbody></table></div>`;

const accent = "var(--arm-delia, currentColor)";

const roofChart = ({ kernels, ceilings }: Roofline): Effect.Effect<string> => {
  const points = kernels.flatMap(({ kernel, flops, bytes }) =>
    flops === undefined ? [] : [{ kernel, intensity: flops / bytes, rate: flops / 1e9 }]
  );
  const [low, high] = [
    0.1,
    10 ** Math.ceil(Math.log10(Math.max(100, ...points.map((p) => p.intensity)))),
  ];
  const ridge = ceilings.flops / ceilings.bytes;
  const roof = [low, ridge, Math.max(high, ridge)].map((intensity) => ({
    intensity,
    rate: Math.min(ceilings.flops, intensity * ceilings.bytes) / 1e9,
  }));
  const axis = { type: "quantitative" as const, scale: { type: "log" as const } };
  return drawChart({
    padding: { left: 56, right: 20, top: 12, bottom: 60 + 15 * points.length },
    width: 440,
    height: 260,
    layer: [
      {
        data: { values: roof },
        mark: { type: "line", color: "currentColor", strokeWidth: 1.5, opacity: 0.6 },
        encoding: {
          x: { field: "intensity", ...axis, title: "FLOP a byte" },
          y: { field: "rate", ...axis, title: "GFLOP/s" },
        },
      },
      {
        data: { values: points },
        mark: { type: "point", filled: true, size: 80, opacity: 0.95 },
        encoding: {
          x: { field: "intensity", ...axis },
          y: { field: "rate", ...axis },
          color: {
            field: "kernel",
            type: "nominal",
            title: null,
            sort: null,
            scale: { range: [...palette] },
            legend: { orient: "bottom", columns: 1, labelLimit: 360, labelColor: "currentColor" },
          },
        },
      },
    ],
  });
};

const timeChart = (kernels: ReadonlyArray<KernelShare>): Effect.Effect<string> => {
  const values = kernels.slice(0, 12).map(({ kernel, milliseconds }) => ({ kernel, milliseconds }));
  return drawChart({
    padding: { left: 216, right: 20, top: 12, bottom: 44 },
    width: 280,
    height: 22 * values.length,
    data: { values },
    mark: { type: "bar", color: accent, opacity: 0.85 },
    encoding: {
      x: { field: "milliseconds", type: "quantitative", title: "ms" },
      y: { field: "kernel", type: "nominal", sort: null, title: null },
    },
  });
};
