/** What a run cannot show, said beside its numbers. @module */
import { rateNames, type ReportedRun } from "../experiments/result.ts";
import { counted } from "./columns.ts";
import { seedsOf } from "./summary.ts";

/** Sentences for the end of the report: those that apply to what was run and measured. */
export const limitsOf = ({ config, arms }: ReportedRun): ReadonlyArray<string> => {
  const seeds = seedsOf({ arms }).length;
  const names = new Set(arms.map(({ name }) => name));
  const measured = (wanted: (metric: string) => boolean): boolean =>
    arms.some(({ metrics }) =>
      Object.entries(metrics).some(([name, value]) => wanted(name) && Number.isFinite(value))
    );
  const rates = measured((name) => rateNames.some((rate) => rate === name));
  const distances = measured((name) => name.startsWith("l2_"));
  const items = config.data.testItems;
  const error = Math.sqrt(0.25 / items).toFixed(3);
  const limits: ReadonlyArray<readonly [applies: boolean, limit: string]> = [
    [
      config.data.downstream === undefined,
      "The data are a closed miniature language made for this project. What holds here is a " +
      "statement about a small model and simple requests, not about language models at large.",
    ],
    [
      !rates && !distances,
      "Nothing was tested: the loss shows how the examples were learned, not what the model answers " +
      "to other prompts.",
    ],
    [
      rates || distances,
      "The paper's numbers come from Llama-2-7B and another task. Compare the order of the arms with " +
      "them, never the sizes.",
    ],
    [
      rates,
      `Each rate counts ${
        counted(items, "prompt")
      }: one seed's rate has a standard error of up to ` +
      `${error}.`,
    ],
    [
      seeds === 1 && names.size > 1,
      "One seed: arms that differ little here may change places with another.",
    ],
    [
      seeds > 1,
      `${seeds} seeds on one and the same base model: the spread shows how training varies, not ` +
      "how base models do.",
    ],
    [
      names.has("common_one_epoch"),
      "Common tuning for one epoch takes few steps and spends them in warmup. The fair comparison is " +
      "with matched steps, which the paper does not make.",
    ],
    [names.size > 1, "All arms share one learning rate; none was tuned by itself."],
    [
      distances,
      "L2 is no measure of what the model does: in small models it can be low for an untrained " +
      "token, and it falls towards other words too. It is reported because the paper reports it.",
    ],
    [
      rates,
      "Rates count the format of answers. Whether the content is right is another number, where the " +
      "table of seeds has one (_exact, _verdict).",
    ],
  ];
  return limits.filter(([applies]) => applies).map(([, limit]) => limit);
};
