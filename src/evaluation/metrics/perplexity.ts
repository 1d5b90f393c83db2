/** Perplexity: how many equally likely tokens a model is as unsure as. @module */
import type { ExampleLoss } from "../example_losses.ts";
import type { Metric } from "./metric.ts";

/**
 * exp of the mean loss of a supervised token over all items, long ones counting for more; `items` are
 * exp of each item's own mean, NaN for one without a supervised token.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { perplexity } from "@delia/delia/evaluation";
 *
 * const losses = [{ sum: 2 * Math.log(8), supervisedTokens: 2 }, { sum: 0, supervisedTokens: 1 }];
 * const { value, items } = perplexity.score(losses);
 * assert.ok(Math.abs(value - 4) < 1e-12);
 * assert.ok(Math.abs(items[0]! - 8) < 1e-12);
 * ```
 */
export const perplexity: Metric<ExampleLoss> = {
  name: "perplexity",
  signature: "mean:supervised token|base:e",
  needs: ["sum", "supervisedTokens"],
  better: "low",
  score: (items) => {
    const sum = items.reduce((total, item) => total + item.sum, 0);
    const tokens = items.reduce((total, item) => total + item.supervisedTokens, 0);
    return {
      value: Math.exp(sum / tokens),
      items: items.map((item) => Math.exp(item.sum / item.supervisedTokens)),
    };
  },
};
