/** The wrong-token control: the same data with an existing word wherever the new token stood. @module */
import type { Example } from "../data/example.ts";
import type { ExperimentData } from "./experiment_data.ts";
import type { PromptSets, TestPrompt } from "./run_data.ts";

/** The new token and the word, each with its one id. */
export interface Replacement {
  readonly token: string;
  readonly tokenId: number;
  readonly word: string;
  readonly wordId: number;
}

/** `data` with the word in place of the token: in examples, tests, places and demonstrations. */
export const replaceToken = (
  data: ExperimentData,
  { token, tokenId, word, wordId }: Replacement,
): ExperimentData => {
  const text = (content: string): string => content.replaceAll(token, () => word);
  const ids = (own: ReadonlyArray<number>) => own.map((id) => id === tokenId ? wordId : id);
  const examples = (own: ReadonlyArray<Example>): ReadonlyArray<Example> =>
    own.map((example) => ({ ...example, ids: ids(example.ids) }));
  const said = <T extends Pick<TestPrompt, "messages">>(own: T): T => ({
    ...own,
    messages: own.messages.map((message) => ({ ...message, content: text(message.content) })),
  });
  const { diversified, one, leaked } = data.downstream;
  return {
    ...data,
    downstream: {
      diversified: examples(diversified),
      one: examples(one),
      ...leaked ? { leaked: examples(leaked) } : {},
    },
    chats: data.chats.map(said),
    facts: examples(data.facts),
    tests: {
      sets: Object.fromEntries(
        Object.entries(data.tests.sets).map(([name, set]) => [name, set.map(said)]),
      ) as PromptSets,
      slots: data.tests.slots.map((place) => ({ ...place, ids: ids(place.ids) })),
    },
    heldOut: examples(data.heldOut),
    ...data.ideal ? { ideal: examples(data.ideal) } : {},
    demonstrations: data.demonstrations.map((demonstration) => ({
      ...demonstration,
      prompt: text(demonstration.prompt),
      clause: text(demonstration.clause),
    })),
  };
};
