/** The miniature world's test sets with their judge: form, exactness and verdict. @module */
import { verdictOf } from "../../fixtures/world/judge.ts";
import { isWanted, type TestItem, testSets } from "../../fixtures/world/test_sets.ts";
import { rateNames } from "./result.ts";
import { anchorTask } from "./task_anchor.ts";
import type { PromptSets, TestPrompt } from "./run_data.ts";

/** All test sets of a seed, `size` prompts each; those of T1 are the task's own and begin with `anchor`. */
export const worldTests = (seed: number, size: number, anchor?: string): PromptSets => {
  const sets = testSets(seed, size);
  return Object.fromEntries(rateNames.map((name) => [
    name,
    sets[name].map((item) =>
      anchorTask(testPrompt(item), name === "t1_held_out_phrasing" ? anchor : undefined)
    ),
  ]));
};

const testPrompt = (item: TestItem): TestPrompt => ({
  messages: item.messages,
  wanted: item.wanted,
  judge: (answer) => ({
    wanted: isWanted(item, answer),
    exact: answer === item.expected,
    ...item.task.family === "check" ? { verdict: verdictOf(answer) === item.task.answer } : {},
  }),
});
