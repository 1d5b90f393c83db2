import assert from "node:assert/strict";
import { Effect, Stream } from "effect";
import { resolveSettings } from "../../src/config/resolve.ts";
import { SamplingConfig } from "../../src/config/sampling_config.ts";
import { provenanceOf } from "../../src/delia/sample_cache.ts";
import {
  promptMessages,
  rejectionOf,
  type SelfSample,
  selfSample,
} from "../../src/delia/self_sample.ts";
import { Sampler } from "../../src/generation/sampler.ts";
import { tinyTokenizer } from "../support/tiny_tokenizer.ts";

const tokenizer = tinyTokenizer();

const configOf = (options: Partial<SamplingConfig>): SamplingConfig =>
  Effect.runSync(resolveSettings(SamplingConfig, { options }));

Deno.test("promptMessages() asks again after the reference answer, behind a system message if told", () => {
  const query = { question: "q", reference: "a" };
  const roles = (options: Partial<SamplingConfig>) =>
    promptMessages(query, configOf(options)).map(({ role, content }) => `${role} ${content}`);
  assert.deepEqual(roles({ promptMode: "none" }), ["user q"]);
  assert.deepEqual(roles({}), ["user q", "assistant a", "user q"]);
  assert.deepEqual(roles({ system: "s" }), ["system s", "user q", "assistant a", "user q"]);
});

Deno.test("promptMessages() shows the reference inside the question in the guided modes", () => {
  const query = { question: "what is red", reference: "a color" };
  const [using, refer] = (["using", "refer"] as const).map((promptMode) => {
    const asked = promptMessages(query, configOf({ promptMode, system: "s" }));
    assert.deepEqual(asked.map(({ role }) => role), ["system", "user"]);
    const { content } = asked[1]!;
    const [question, reference] = [content.indexOf("what is red"), content.indexOf("a color")];
    assert.ok(0 <= question && question < reference, content);
    assert.match(content.slice(reference), /answer|reply/); // the request stands last
    return content;
  });
  assert.notEqual(using, refer);
  const alone = promptMessages({ question: "q" }, configOf({ promptMode: "using" }));
  assert.deepEqual(alone, [{ role: "user", content: "q" }]);
});

Deno.test("rejectionOf() refuses talk of the reference answer after guided prompts alone", () => {
  const sample = (answer: string, question = "q", reference = "a"): SelfSample => ({
    ...{ index: 0, question, reference, answer, finish: "stop" },
  });
  const talk = sample("My response, as the Reference Answer says: a");
  const guided = { promptMode: "refer" } as const;
  assert.equal(rejectionOf(talk, "<sep>", guided), "speaks_of_reference");
  assert.equal(rejectionOf(talk, "<sep>", { promptMode: "repeat" }), undefined);
  assert.equal(rejectionOf(talk, "<sep>"), undefined);
  assert.equal(rejectionOf(sample("a color"), "<sep>", guided), undefined);
  // Words of the task itself are no talk.
  const own = sample("The reference answer is right", "Is the reference answer right?");
  assert.equal(rejectionOf(own, "<sep>", guided), undefined);
  assert.equal(rejectionOf(sample("my answer", "q", "My answer: a"), "<sep>", guided), undefined);
});

Deno.test("selfSample() cuts white space off an answer, or two characters as the reference does", async () => {
  // The answer is the prompt's own text, "reds red", and the prompt is rendered with its system message.
  const sampler: Sampler = {
    generate: (prompts) =>
      Stream.fromIterable(prompts.map(({ ids }, index) => ({
        ...{ index, ids: tokenizer.encode("reds red"), logProbabilities: [0, 0], finish: "stop" },
        prompt: ids,
      } as const))),
  };
  const answers = (options: Partial<SamplingConfig>) =>
    selfSample([{ question: "what is red" }], tokenizer, configOf(options)).pipe(
      Stream.map(({ answer }) => answer),
      Stream.runCollect,
      Effect.provideService(Sampler, sampler),
      Effect.runPromise,
    );
  assert.deepEqual(await answers({}), ["reds red"]);
  assert.deepEqual(await answers({ trim: "two_characters" }), ["ds red"]);
});

Deno.test("provenanceOf() tells caches of other prompts and cuts apart, and knows those of before", () => {
  const plain = provenanceOf({}, configOf({}));
  assert.deepEqual(Object.keys(plain), [
    "temperature",
    "topP",
    "maxNewTokens",
    "promptMode",
    "seed",
  ]);
  assert.notDeepEqual(provenanceOf({}, configOf({ system: "s" })), plain);
  assert.notDeepEqual(provenanceOf({}, configOf({ trim: "two_characters" })), plain);
});
