/** Which modules an adapter adapts, each with its rank and scale: from settings, or from a stored adapter. @module */
import { Effect } from "effect";
import type { Decoder } from "../models/decoder.ts";
import { ModelError } from "../models/model_error.ts";
import {
  type Adapter as StoredAdapter,
  type LoraMatrices,
  scalingOf,
} from "../weights/stored_adapter.ts";
import type { LoraOptions } from "./adapter.ts";

/** The shape of LoRA on one module. */
export interface LoraShape {
  readonly rank: number;
  readonly alpha: number;
  /** Factor of B·A: alpha / rank, or alpha / √rank with rsLoRA. */
  readonly scale: number;
  /** It has a magnitude. */
  readonly dora: boolean;
}

/** The adapted modules. */
export interface AdapterPlan {
  /** By the linear's path in the base model (`model.layers.0.self_attn.q_proj`). */
  readonly linears: ReadonlyMap<string, LoraShape>;
  readonly embedding?: LoraShape;
}

/** PEFT's name of the embedding among target modules. */
const embeddingModule = "embed_tokens";

/**
 * The plan of fresh LoRA on `base`. Fails with `UnknownModule` for a target that the model lacks, and
 * with `BadOption` for DoRA on the embedding.
 */
export const planAdapter = (
  { architecture, shape }: Decoder,
  { rank, alpha, rsLora, dora = false, targetModules }: LoraOptions,
): Effect.Effect<AdapterPlan, ModelError> => {
  const parts = Array.from(
    { length: shape.layers },
    (_, index) => architecture.linears(shape, index),
  ).flat().flatMap(({ parts }) => parts);
  const known = new Set([...parts.map(({ module }) => module), embeddingModule]);
  const unknown = targetModules.find((module) => !known.has(module));
  if (unknown !== undefined) {
    const names = [...known].join(", ");
    return Effect.fail(
      new ModelError({ reason: { _tag: "UnknownModule", module: unknown, known: names } }),
    );
  }
  const onEmbedding = targetModules.includes(embeddingModule);
  if (dora && onEmbedding) {
    return badOption("lora.targetModules", "of linears alone with DoRA", embeddingModule);
  }
  const own: LoraShape = { rank, alpha, scale: alpha / (rsLora ? Math.sqrt(rank) : rank), dora };
  const adapted = parts.filter(({ module }) => targetModules.includes(module));
  return Effect.succeed({
    linears: new Map(adapted.map(({ path }) => [path, own])),
    ...onEmbedding ? { embedding: own } : {},
  });
};

/**
 * Fails with `BadOption` for what PEFT has no adapter for: dropout with DoRA (there it would drop the
 * base's input too), and rows of new tokens beside LoRA on the embedding.
 */
export const checkPlan = (
  { linears, embedding }: AdapterPlan,
  dropout: number,
  hasRows: boolean,
): Effect.Effect<void, ModelError> => {
  if (dropout > 0 && [...linears.values()].some(({ dora }) => dora)) {
    return badOption("lora.dropout", "0 with DoRA", `${dropout}`);
  }
  if (embedding && hasRows) {
    const expected = `without ${embeddingModule} where new tokens have rows`;
    return badOption("lora.targetModules", expected, `with ${embeddingModule}`);
  }
  return Effect.void;
};

const badOption = (option: string, expected: string, actual: string) =>
  Effect.fail(new ModelError({ reason: { _tag: "BadOption", option, expected, actual } }));

/** The plan of a stored adapter, whose modules may have ranks and alphas of their own. */
export const planOfStored = (stored: StoredAdapter): AdapterPlan => {
  const shapeOf = (matrices: LoraMatrices): LoraShape => ({
    rank: matrices.a.shape[0]!,
    alpha: matrices.alpha ?? stored.alpha,
    scale: scalingOf(stored, matrices),
    dora: matrices.magnitude !== undefined,
  });
  return {
    linears: new Map([...stored.linears].map(([path, matrices]) => [path, shapeOf(matrices)])),
    ...stored.embedding ? { embedding: shapeOf(stored.embedding) } : {},
  };
};

/** The target modules of a plan, as PEFT lists them. */
export const modulesOf = ({ linears, embedding }: AdapterPlan): ReadonlyArray<string> => [
  ...new Set([...linears.keys()].map((path) => path.slice(path.lastIndexOf(".") + 1))),
  ...embedding ? [embeddingModule] : [],
];

/** Something in which a stored adapter is not as planned, and the option that says it. */
export interface PlanDifference {
  readonly option: "targetModules" | "rank" | "alpha" | "dora";
  /** What the stored one does, as the rest of a sentence. */
  readonly found: string;
}

/**
 * What keeps a `stored` adapter from being trained on as `planned`, one of each kind. LoRA goes on as
 * DoRA: its magnitudes begin where they change nothing.
 */
export const planDifferences = (
  planned: AdapterPlan,
  stored: AdapterPlan,
): ReadonlyArray<PlanDifference> => {
  const [wanted, own] = [shapesOf(planned), shapesOf(stored)];
  if (own.size !== wanted.size || [...own.keys()].some((path) => !wanted.has(path))) {
    return [{ option: "targetModules", found: `adapts ${modulesOf(stored).join(", ")}` }];
  }
  const differences = new Map<PlanDifference["option"], string>();
  for (const [path, { rank, scale, dora }] of own) {
    const want = wanted.get(path)!;
    const differ = (option: PlanDifference["option"], found: string) => {
      if (!differences.has(option)) differences.set(option, `${found}, as of ${path}`);
    };
    if (rank !== want.rank) differ("rank", `has rank ${rank}`);
    else if (scale !== want.scale) differ("alpha", `scales by ${scale} and not by ${want.scale}`);
    if (dora && !want.dora) differ("dora", "has DoRA");
  }
  return [...differences].map(([option, found]) => ({ option, found }));
};

const shapesOf = ({ linears, embedding }: AdapterPlan): ReadonlyMap<string, LoraShape> =>
  new Map([...linears, ...embedding ? [[embeddingModule, embedding] as const] : []]);
