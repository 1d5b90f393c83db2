/** Decodes configurations in tests. @module */
import assert from "node:assert/strict";
import { Effect } from "effect";
import type { Architecture, ModelShape } from "../../src/models/architecture.ts";

type Config = Readonly<Record<string, unknown>>;

/** The shape of a configuration that is fine. */
export const shapeOf = (architecture: Architecture, config: Config): ModelShape =>
  Effect.runSync(architecture.decode(config));

/** The message that refuses a configuration. */
export const refusalOf = (architecture: Architecture, config: Config): string =>
  Effect.runSync(Effect.flip(architecture.decode(config))).message;

/** Each change to `config` is refused with its message, whole but for `config.json: `. */
export const assertRefusals = (
  architecture: Architecture,
  config: Config,
  cases: ReadonlyArray<readonly [change: Config, message: string]>,
): void => {
  shapeOf(architecture, config);
  for (const [change, message] of cases) {
    assert.equal(refusalOf(architecture, { ...config, ...change }), `config.json: ${message}`);
  }
};

/** A shape without its layers' rules, of which there are many. */
export const sizesOf = (
  { layerRules: _, ...sizes }: ModelShape,
): Omit<ModelShape, "layerRules"> => sizes;

/** The base of the frequencies of the first layer that turns, to the four digits that f32 leaves. */
export const thetaOf = ({ layerRules }: ModelShape): number => {
  const { inverseFrequencies } = layerRules.find(({ rotary }) => rotary)!.rotary!;
  return Number((inverseFrequencies[1]! ** -inverseFrequencies.length).toPrecision(4));
};

/** The windows of all layers; 0 where there is none. */
export const windowsOf = ({ layerRules }: ModelShape): ReadonlyArray<number> =>
  layerRules.map(({ window }) => window ?? 0);
