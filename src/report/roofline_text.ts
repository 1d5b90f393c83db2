/** The roofline of a training step as words and numbers, for a terminal and for a page. @module */
import type { KernelShare, Roofline } from "../roofline/measure_step.ts";
import { totalBytes } from "../roofline/minimum_bytes.ts";
import { formatBytes, formatSeconds } from "./columns.ts";

/** One of the numbers that say most. */
export interface RooflineFact {
  readonly label: string;
  readonly value: string;
  readonly note: string;
}

/** What the adapter can do, and what the step makes of it. */
export const factsOf = (it: Roofline): ReadonlyArray<RooflineFact> => [
  {
    label: "FMA rate",
    value: `${giga(it.ceilings.flops)} GFLOP/s`,
    note: "of the adapter, from registers",
  },
  {
    label: "Copy bandwidth",
    value: `${giga(it.ceilings.bytes)} GB/s`,
    note: "of the adapter, read and written",
  },
  {
    label: "Step",
    value: formatMilliseconds(it.stepMilliseconds),
    note: `${count(it.tokens / it.stepMilliseconds * 1000)} tokens a second`,
  },
  {
    label: "Host",
    value: percent(it.hostMilliseconds / it.stepMilliseconds),
    note: `${it.hostMilliseconds.toFixed(2)} ms until submitted`,
  },
  {
    label: "Dispatches a step",
    value: `${it.dispatches}`,
    note: `in ${it.submissions} ${it.submissions === 1 ? "submission" : "submissions"}`,
  },
  {
    label: "Peak over minimum",
    value: `${(it.peakBytes / totalBytes(it.minimum)).toFixed(2)}×`,
    note: `${formatBytes(it.peakBytes)} of ${formatBytes(totalBytes(it.minimum))}`,
  },
];

const formatMilliseconds = (milliseconds: number): string =>
  milliseconds < 1000 ? `${milliseconds.toFixed(1)} ms` : formatSeconds(milliseconds / 1000);
const count = (value: number): string => Number(value.toPrecision(3)).toLocaleString("en");
const giga = (value: number): string => (value / 1e9).toPrecision(3);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A line of the table of kernels. */
export const kernelColumns = (
  { kernel, dispatches, milliseconds, flops, bytes }: KernelShare,
  { ceilings, kernels }: Roofline,
): ReadonlyArray<string> => {
  const all = kernels.reduce((sum, it) => sum + it.milliseconds, 0);
  return [
    ...[kernel, `${dispatches}`, milliseconds.toFixed(2), percent(milliseconds / all)],
    flops === undefined ? "–" : giga(flops),
    flops === undefined ? "–" : percent(flops / ceilings.flops),
    giga(bytes),
    percent(bytes / ceilings.bytes),
  ];
};

/** What stands over {@linkcode kernelColumns}. */
export const kernelHeads: ReadonlyArray<string> = [
  ...["kernel", "dispatches", "ms", "of the step", "GFLOP/s", "of FMA", "GB/s", "of copy"],
];

/** What was measured, in a line. */
export const stepText = ({ device, step, tokens }: Roofline): string =>
  `${step.name} (${step.storage}), LoRA of rank ${step.rank}, ${step.sequences} sequences of ` +
  `${step.length} tokens, ${tokens} together${
    step.gradientCheckpointing ? ", gradient checkpointing" : ""
  }, on ${device}`;

/** The whole roofline for a terminal. */
export const rooflineText = (roofline: Roofline): string => {
  const rows = [kernelHeads, ...roofline.kernels.map((kernel) => kernelColumns(kernel, roofline))];
  const widths = kernelHeads.map((_, col) => Math.max(...rows.map((row) => row[col]!.length)));
  const table = rows.map((row) =>
    row.map((cell, col) => col === 0 ? cell.padEnd(widths[col]!) : cell.padStart(widths[col]!))
      .join("  ")
  );
  return [
    stepText(roofline),
    ...factsOf(roofline).map(({ label, value, note }) => `${label} ${value}, ${note}`),
    "",
    ...table,
    "",
    "Bytes at the peak, at the least:",
    ...roofline.minimum.map(({ what, formula, bytes }) =>
      `  ${formatBytes(bytes)}  ${what} = ${formula}`
    ),
  ].join("\n");
};
