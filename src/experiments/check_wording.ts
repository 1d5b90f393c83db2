/** Whether a model can read what the settings say to it: a closed vocabulary may lack words. @module */
import { Effect } from "effect";
import { ConfigError, type ConfigProblem } from "../config/config_error.ts";
import type { RunConfig } from "../config/run_config.ts";
import { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { guidedPrompt, isGuided } from "../delia/guided_prompt.ts";

/** Fails naming each setting whose text has a word that the vocabulary lacks. */
export const checkWording = (
  { data: { anchor }, sampling: { promptMode } }: Pick<RunConfig, "data" | "sampling">,
  tokenizer: Tokenizer,
): Effect.Effect<void, ConfigError> => {
  const texts: ReadonlyArray<readonly [path: string, owner: string, text: string | undefined]> = [
    ["data.anchor", "the text", anchor],
    [
      "sampling.promptMode",
      `the request of "${promptMode}"`,
      isGuided(promptMode) ? guidedPrompt(promptMode, "", "") : undefined,
    ],
  ];
  const problems = texts.flatMap(([path, owner, text]): ReadonlyArray<ConfigProblem> => {
    const word = text === undefined ? undefined : unknownWord(tokenizer, text);
    return word === undefined ? [] : [{
      path,
      problem: `${owner} has ${JSON.stringify(word)}, which the model's vocabulary lacks`,
    }];
  });
  return problems.length === 0
    ? Effect.void
    : Effect.fail(new ConfigError({ reason: { _tag: "Invalid", problems } }));
};

const unknownWord = (tokenizer: Tokenizer, text: string): string | undefined => {
  try {
    tokenizer.encode(text);
    return undefined;
  } catch (error) {
    if (error instanceof DataError && error.reason._tag === "UnknownToken") {
      return error.reason.text;
    }
    throw error;
  }
};
