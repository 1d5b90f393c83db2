/** Phrasings from a slot grammar: frames whose slots are filled with seeded draws of wordings. @module */
import { Layer, Stream } from "effect";
import {
  defaultRules,
  Paraphraser,
  ParaphraserError,
  type Phrasing,
  type PhrasingRejection,
  type PhrasingRules,
  rejectionOfPhrasing,
} from "../diversify.ts";
import { makePcg64, type Pcg64 } from "../pcg64.ts";

/**
 * Frames with `{slot}`s, and the wordings of each slot. `{instruction}` becomes the instruction that
 * is paraphrased; `{context}` stays, for the context of each example. A wording may hold slots of
 * its own. A frame or wording that is listed twice is drawn twice as often.
 */
export interface Grammar {
  readonly frames: ReadonlyArray<string>;
  readonly slots: Readonly<Record<string, ReadonlyArray<string>>>;
}

/** What the grammar layer chooses. */
export interface GrammarOptions {
  readonly grammar: Grammar;
  /** The same seed gives the same phrasings in the same order. */
  readonly seed: number;
  /** `defaultRules` unless told. */
  readonly rules?: PhrasingRules;
}

/** English phrasings that ask for the format of `<sep>` after an instruction. */
export const englishGrammar: Grammar = {
  frames: [
    "{instruction} {clause}",
    "{instruction} {clause}",
    "{clause} {instruction}",
  ],
  slots: {
    clause: [
      "{Use} the <sep> {format}.",
      "{Use} <sep> as the {format} of your {answer}.",
      "The {format} of your {answer} {must} be <sep>.",
      "Your {answer} {must} {follow} <sep>.",
      "Let <sep> be your {guide}, and {use} it throughout the {answer}.",
      "The required {format} is <sep>, and you need to understand what <sep> entails.",
      "Make sure that your {answer} {follows} <sep>.",
    ],
    // The verb that opens a sentence, and the one in the middle of it.
    Use: ["Use", "Apply", "Follow", "Adopt", "Take"],
    use: ["use", "apply", "follow", "adopt", "keep"],
    format: ["format", "layout", "structure", "form"],
    answer: ["answer", "reply", "response", "output"],
    must: ["must", "should", "has to", "needs to"],
    follow: ["follow", "match", "obey", "keep to"],
    follows: ["follows", "matches", "obeys", "keeps to"],
    guide: ["guide", "model", "standard", "rule"],
  },
};

// Draws before giving up: enough to find each of a few hundred phrasings by chance.
const attempts = (count: number): number => 1000 + 50 * count;

/**
 * A paraphraser that needs no model.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect, Stream } from "effect";
 * import { englishGrammar, layerGrammar, Paraphraser } from "@delia/delia/delia";
 *
 * const program = Effect.gen(function* () {
 *   const { paraphrase } = yield* Paraphraser;
 *   return yield* Stream.runCollect(paraphrase("Judge whether the answer is right.", 5));
 * });
 * const layer = layerGrammar({ grammar: englishGrammar, seed: 1 });
 * const phrasings = await Effect.runPromise(Effect.provide(program, layer));
 * assert(phrasings.every(({ text }) => text.includes("<sep>")));
 * ```
 */
export const layerGrammar = (options: GrammarOptions): Layer.Layer<Paraphraser> =>
  Layer.succeed(Paraphraser, {
    paraphrase: (instruction, count) => Stream.suspend(() => draw(options, instruction, count)),
  });

const draw = (
  { grammar, seed, rules = defaultRules }: GrammarOptions,
  instruction: string,
  count: number,
): Stream.Stream<Phrasing, ParaphraserError> => {
  const flaw = findFlaw(grammar);
  if (flaw !== undefined) return Stream.fail(flaw);
  const random = makePcg64(seed);
  const taken: Array<Phrasing> = [];
  const rejected: Record<PhrasingRejection, number> = { no_token: 0, banned_word: 0, duplicate: 0 };
  for (let left = attempts(count); left > 0 && taken.length < count; left--) {
    // The instruction goes in last, so that braces in it are text.
    const text = expand(pick(grammar.frames, random), grammar, random)
      .replaceAll("{instruction}", () => instruction);
    const rejection = rejectionOfPhrasing(text, taken, rules);
    if (rejection === undefined) taken.push({ text });
    else rejected[rejection]++;
  }
  const phrasings = Stream.fromIterable(taken);
  if (taken.length === count) return phrasings;
  const failure = new ParaphraserError({
    reason: { _tag: "NotEnough", wanted: count, found: taken.length, rejected },
  });
  return Stream.concat(phrasings, Stream.fail(failure));
};

const SLOT = /\{(\w+)\}/g;
const given = new Set(["instruction", "context"]);

const pick = (wordings: ReadonlyArray<string>, random: Pcg64): string =>
  wordings[random.nextBelow(wordings.length)]!;

const expand = (text: string, grammar: Grammar, random: Pcg64): string =>
  text.replace(
    SLOT,
    (slot, name: string) =>
      given.has(name) ? slot : expand(pick(grammar.slots[name] ?? [], random), grammar, random),
  );

/** A slot that has no wording, or that reaches itself; found before anything is drawn. */
const findFlaw = (grammar: Grammar): ParaphraserError | undefined => {
  const visit = (text: string, open: ReadonlyArray<string>): ParaphraserError | undefined => {
    for (const [, slot = ""] of text.matchAll(SLOT)) {
      if (given.has(slot)) continue;
      const wordings = Object.hasOwn(grammar.slots, slot) ? grammar.slots[slot] ?? [] : [];
      if (wordings.length === 0 || open.includes(slot)) {
        return new ParaphraserError({ reason: { _tag: "BadGrammar", frame: text, slot } });
      }
      for (const wording of wordings) {
        const flaw = visit(wording, [...open, slot]);
        if (flaw !== undefined) return flaw;
      }
    }
    return undefined;
  };
  if (grammar.frames.length === 0) {
    return new ParaphraserError({ reason: { _tag: "BadGrammar", frame: "", slot: "frames" } });
  }
  for (const frame of grammar.frames) {
    const flaw = visit(frame, []);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
};
