/** Reads how a model's heads turn, from wherever a version of transformers writes it. @module */
import type { Rotary } from "./architecture.ts";
import {
  badField,
  choice,
  count,
  type Fields,
  flag,
  optionalCount,
  optionalFields,
  optionalList,
  optionalPositive,
  positive,
} from "./config_fields.ts";
import {
  linearRotary,
  llama3Rotary,
  longropeMagnitude,
  longropeRotary,
  plainRotary,
  type RotaryBase,
  yarnMagnitude,
  yarnRotary,
} from "./rotary_frequencies.ts";

/** The kinds of scaling that are implemented. */
export type RotaryType = "default" | "linear" | "dynamic" | "llama3" | "yarn" | "longrope";

// The settings that each kind reads beside those that all know.
const settingsOf: Readonly<Record<RotaryType, ReadonlyArray<string>>> = {
  default: [],
  linear: ["factor"],
  dynamic: ["factor"],
  llama3: ["factor", "low_freq_factor", "high_freq_factor"],
  yarn: [
    "factor",
    "attention_factor",
    "beta_fast",
    "beta_slow",
    "mscale",
    "mscale_all_dim",
    "truncate",
  ],
  longrope: ["factor", "attention_factor", "short_factor", "long_factor"],
};
const settingsOfAll: ReadonlyArray<string> = [
  "rope_type",
  "type",
  "rope_theta",
  "partial_rotary_factor",
  "original_max_position_embeddings",
  "finetuned",
];

/** Every implemented kind under its own name. */
export const everyRotaryType: ReadonlyMap<unknown, RotaryType> = new Map(
  (Object.keys(settingsOf) as ReadonlyArray<RotaryType>).map((type) => [type, type]),
);

/** What the settings are read for. */
export interface RotaryOptions {
  readonly headDim: number;
  /** `max_position_embeddings`. */
  readonly maxPositions: number;
  /** Where the settings name no `rope_theta`. */
  readonly theta: number;
  /** Names and kinds of scaling that the architecture knows. */
  readonly types?: ReadonlyMap<unknown, RotaryType>;
  /** The architecture reads `partial_rotary_factor`; this is what stands beside the settings. */
  readonly partial?: number;
  /** `original_max_position_embeddings` beside the settings, which wins over theirs. */
  readonly trainedPositions?: number;
}

/** How heads turn, and the longest sequence for which that is exact. */
export interface RotaryPlan {
  readonly rotary: Rotary;
  readonly maxPositions: number;
}

const NOTHING: Fields = { values: {}, path: "rope_scaling." };

/** `rope_scaling` of transformers 4 or `rope_parameters` of 5; nothing where both are missing. */
export const rotarySettings = (config: Fields): Fields => {
  const older = optionalFields(config, "rope_scaling");
  const newer = optionalFields(config, "rope_parameters");
  if (older && newer) throw badField(config, "rope_scaling", "null beside rope_parameters");
  return older ?? newer ?? NOTHING;
};

/** One way of turning for every layer, as `config` has it. */
export const readRotary = (
  config: Fields,
  { headDim, maxPositions }: Pick<RotaryOptions, "headDim" | "maxPositions">,
  { theta, ...more }: Omit<RotaryOptions, "headDim" | "maxPositions">,
): RotaryPlan => {
  const trainedPositions = optionalCount(config, "original_max_position_embeddings");
  return readSettings(rotarySettings(config), {
    headDim,
    maxPositions,
    theta: positive(config, "rope_theta", theta),
    ...trainedPositions === undefined ? {} : { trainedPositions },
    ...more,
  });
};

/** One object of settings. */
export const readSettings = (settings: Fields, options: RotaryOptions): RotaryPlan => {
  const name = (settings.values["rope_type"] ?? undefined) === undefined ? "type" : "rope_type";
  const type = choice(settings, name, options.types ?? everyRotaryType, "default");
  const known = [...settingsOfAll, ...settingsOf[type]];
  for (const [field, value] of Object.entries(settings.values)) {
    if (value !== null && !known.includes(field)) {
      throw badField(settings, field, `absent, as rotary type ${type} has no such setting,`);
    }
  }
  const plan = planOf(type, settings, options);
  if (!Number.isFinite(Math.fround(plan.rotary.factor))) {
    throw badField(settings, "original_max_position_embeddings", "above 1");
  }
  if (!plan.rotary.inverseFrequencies.every(Number.isFinite)) {
    throw badField(
      named(settings, "rope_theta", options.theta),
      "rope_theta",
      "one that gives finite frequencies",
    );
  }
  return plan;
};

// Where a field stands: in the settings or, if they lack it, beside them with the value `beside`.
const named = (settings: Fields, field: string, beside: number): Fields =>
  settings.values[field] === undefined ? { values: { [field]: beside }, path: "" } : settings;

const turnedOf = (settings: Fields, { headDim, partial }: RotaryOptions): number => {
  const factor = positive(settings, "partial_rotary_factor", partial ?? 1);
  const turned = Math.trunc(headDim * factor);
  const fits = turned >= 2 && turned <= headDim && turned % 2 === 0;
  if (partial === undefined ? factor === 1 : fits) return turned;
  throw badField(
    named(settings, "partial_rotary_factor", factor),
    "partial_rotary_factor",
    partial === undefined ? "1" : `a part of head_dim (${headDim}) that is even`,
  );
};

const planOf = (type: RotaryType, settings: Fields, options: RotaryOptions): RotaryPlan => {
  const { maxPositions, trainedPositions } = options;
  const base: RotaryBase = {
    theta: positive(settings, "rope_theta", options.theta),
    turned: turnedOf(settings, options),
  };
  const trained = trainedPositions ??
    count(settings, "original_max_position_embeddings", { fallback: maxPositions });
  switch (type) {
    case "default":
      return { rotary: plainRotary(base), maxPositions };
    case "linear":
      return { rotary: linearRotary(base, positive(settings, "factor")), maxPositions };
    case "dynamic":
      // Up to maxPositions nothing is scaled; beyond, every length has frequencies of its own.
      positive(settings, "factor");
      return { rotary: plainRotary(base), maxPositions };
    case "llama3":
      return { rotary: readLlama3(settings, base, trained), maxPositions };
    case "yarn":
      return { rotary: readYarn(settings, base, trained), maxPositions };
    case "longrope":
      // Longer sequences turn by long_factor, all of their positions; shorter ones by short_factor.
      return {
        rotary: readLongrope(settings, base, { maxPositions, trained }),
        maxPositions: Math.min(maxPositions, trained),
      };
  }
};

const readLlama3 = (settings: Fields, base: RotaryBase, trainedPositions: number): Rotary => {
  const lowFrequencyFactor = positive(settings, "low_freq_factor");
  const highFrequencyFactor = positive(settings, "high_freq_factor");
  if (highFrequencyFactor <= lowFrequencyFactor) {
    throw badField(settings, "high_freq_factor", `above low_freq_factor (${lowFrequencyFactor})`);
  }
  const factor = positive(settings, "factor");
  return llama3Rotary(base, { factor, lowFrequencyFactor, highFrequencyFactor, trainedPositions });
};

const readYarn = (settings: Fields, base: RotaryBase, trainedPositions: number): Rotary => {
  const factor = positive(settings, "factor");
  const one = optionalPositive(settings, "mscale");
  const all = optionalPositive(settings, "mscale_all_dim");
  const magnitude = one && all
    ? yarnMagnitude(factor, one) / yarnMagnitude(factor, all)
    : yarnMagnitude(factor);
  return yarnRotary(base, {
    factor,
    trainedPositions,
    fast: optionalPositive(settings, "beta_fast") ?? 32,
    slow: optionalPositive(settings, "beta_slow") ?? 1,
    truncate: flag(settings, "truncate", true),
    attentionFactor: optionalPositive(settings, "attention_factor") ?? magnitude,
  });
};

const readLongrope = (
  settings: Fields,
  base: RotaryBase,
  { maxPositions, trained }: { readonly maxPositions: number; readonly trained: number },
): Rotary => {
  const pairs = base.turned / 2;
  const factors = (field: string): ReadonlyArray<number> => {
    const found = optionalList(settings, field, pairs, { item: positive });
    if (found) return found;
    throw badField(settings, field, `a list of ${pairs}`);
  };
  factors("long_factor");
  const factor = optionalPositive(settings, "factor") ?? maxPositions / trained;
  const attention = optionalPositive(settings, "attention_factor");
  return longropeRotary(
    base,
    factors("short_factor"),
    attention ?? longropeMagnitude(factor, trained),
  );
};
