/** Formulas over next-token distributions: language-model arithmetic (Dekoninck et al., ICLR 2024). @module */
import type { Instruction } from "../ops/logit_arithmetic.ts";

/**
 * A tree whose leaves are the model under a context. Its value is a score a token: a leaf's is the
 * log-probability, a sum's is Σ weight · value.
 */
export type Formula =
  /** The next token's distribution after the prompt in this context. */
  | { readonly _tag: "Context"; readonly name: string }
  | { readonly _tag: "Sum"; readonly parts: ReadonlyArray<Weighted> }
  /** For each token the larger value. */
  | { readonly _tag: "Union"; readonly of: readonly [Formula, Formula] }
  /** For each token the smaller value. */
  | { readonly _tag: "Intersection"; readonly of: readonly [Formula, Formula] };

/** A part of a sum. */
export interface Weighted {
  readonly weight: number;
  readonly of: Formula;
}

/** The model under one context. */
export const context = (name: string): Formula => ({ _tag: "Context", name });

/** a + b. */
export const plus = (a: Formula, b: Formula): Formula => ({
  _tag: "Sum",
  parts: [{ weight: 1, of: a }, { weight: 1, of: b }],
});

/** a − b. */
export const minus = (a: Formula, b: Formula): Formula => ({
  _tag: "Sum",
  parts: [{ weight: 1, of: a }, { weight: -1, of: b }],
});

/** weight · a. */
export const times = (weight: number, a: Formula): Formula => ({
  _tag: "Sum",
  parts: [{ weight, of: a }],
});

/** Tokens that are likely under a or under b. */
export const union = (a: Formula, b: Formula): Formula => ({ _tag: "Union", of: [a, b] });

/** Tokens that are likely under both. */
export const intersection = (a: Formula, b: Formula): Formula => ({
  _tag: "Intersection",
  of: [a, b],
});

/** Names of the contexts of `formula`, in the order they are first read. */
export const contextsOf = (formula: Formula): ReadonlyArray<string> => {
  switch (formula._tag) {
    case "Context":
      return [formula.name];
    case "Sum":
      return [...new Set(formula.parts.flatMap(({ of }) => contextsOf(of)))];
    default:
      return [...new Set(formula.of.flatMap(contextsOf))];
  }
};

/** Sum of the weights of the distributions in `formula`: what its value is divided by. */
export const weightOf = (formula: Formula): number =>
  formula._tag === "Sum"
    ? formula.parts.reduce((sum, { weight, of }) => sum + weight * weightOf(of), 0)
    : 1;

/** Below this a weight is 0 but for rounding. */
const least = 1e-6;

/**
 * Instructions for `formula`, whose value is divided by its weight; contexts are numbered as
 * {@linkcode contextsOf} lists them. Both sides of a union or intersection are divided by theirs too.
 * Throws where a weight to divide by is not above 0: such a formula favours what is unlikely.
 */
export const programOf = (formula: Formula): ReadonlyArray<Instruction> => {
  const names = contextsOf(formula);
  const normalised = (part: Formula): ReadonlyArray<Instruction> => {
    const weight = weightOf(part);
    if (!(weight > least)) {
      throw new RangeError(
        `Expected a formula, and each side of a union, to have a weight above 0 but found ${weight}`,
      );
    }
    return [...raw(part), ...scaled(1 / weight)];
  };
  const raw = (part: Formula): ReadonlyArray<Instruction> => {
    switch (part._tag) {
      case "Context":
        return [{ op: "read", context: names.indexOf(part.name) }];
      case "Sum":
        return part.parts.flatMap(({ weight, of }, place): ReadonlyArray<Instruction> => [
          ...raw(of),
          ...scaled(weight),
          ...place > 0 ? [{ op: "add" } as const] : [],
        ]);
      default: {
        const [a, b] = part.of;
        const op = part._tag === "Union" ? "max" : "min";
        return [...normalised(a), ...normalised(b), { op }];
      }
    }
  };
  return normalised(formula);
};

const scaled = (by: number): ReadonlyArray<Instruction> => by === 1 ? [] : [{ op: "scale", by }];
