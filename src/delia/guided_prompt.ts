/**
 * Prompts of self-distillation (SDFT, Yang et al. 2024, arXiv 2402.13669): the model sees a question with
 * its reference answer, and is asked to answer in words of its own.
 *
 * @module
 */

/** How a guided prompt asks: with the reference as the guide of the answer, or as a help beside it. */
export type GuidedMode = "using" | "refer";

/** Every guided mode. */
export const guidedModes: readonly [GuidedMode, GuidedMode] = ["using", "refer"];

/** Whether a prompt mode is a guided one. */
export const isGuided = (mode: string | undefined): mode is GuidedMode =>
  guidedModes.some((known) => known === mode);

/** The one user message that holds question, reference answer and request. */
export const guidedPrompt = (mode: GuidedMode, question: string, reference: string): string => {
  switch (mode) {
    case "using":
      return "Here are a question and a reference answer to it. Let the reference answer guide " +
        "you, keep its content and its form, and write an answer in words of your own.\n\n" +
        `Question:\n${question}\n\nReference answer:\n${reference}\n\nNow write your answer, and ` +
        "nothing else.";
    case "refer":
      return `${question}\n\nFor your help, this is a reference answer to the above:\n` +
        `${reference}\n\nConsult it as far as you need it, and reply to the above as you would ` +
        "say it yourself. Give the reply alone.";
  }
};

/** Words with which an answer speaks of the prompt that it was given. */
const words: ReadonlyArray<string> = [
  ...["reference answer", "reference response", "the reference", "my reference"],
  ...["my response", "my answer", "my own words", "in my words", "own version of"],
];

/**
 * Whether `answer` speaks of the reference answer, or of itself as an answer, instead of answering. What
 * question or reference say themselves is the task's own.
 */
export const speaksOfReference = (
  answer: string,
  { question, reference = "" }: { readonly question: string; readonly reference?: string },
): boolean => {
  const [said, own] = [answer, `${question}\n${reference}`].map((text) => text.toLowerCase());
  return words.some((phrase) => said!.includes(phrase) && !own!.includes(phrase));
};
