// What is counted of answers without reading them closely: lines, lengths, refusals, languages.
import assert from "node:assert/strict";
import { lengthRatio } from "../../../src/evaluation/metrics/length_ratio.ts";
import {
  languageIdentifier,
  languageProfile,
  offTargetRate,
} from "../../../src/evaluation/metrics/off_target.ts";
import { isRefusal, refusalRate } from "../../../src/evaluation/metrics/refusal_rate.ts";
import { scoredBy } from "../../../src/evaluation/metrics/scored_by.ts";
import { alignLines, withoutPrefix } from "../../../src/evaluation/metrics/translated_text.ts";

Deno.test("withoutPrefix() strips the fixed sentence at the start, there alone", () => {
  for (
    const [text, own] of [
      ["Sure, here is the Icelandic translation: \n\n Já", "Já"],
      ["sure, here is the English translation:Yes", "Yes"],
      ["  Sure, here is the Brazilian Portuguese translation:\nSim", "Sim"],
      ["Sure, here is the translation: Já", "Sure, here is the translation: Já"],
      [
        "Já. Sure, here is the Icelandic translation: Já",
        "Já. Sure, here is the Icelandic translation: Já",
      ],
      ["Sure, here is the Icelandic translation:", ""],
    ] as const
  ) assert.equal(withoutPrefix(text), own);
});

Deno.test("alignLines() pairs lines where every side has equally many, else the document", () => {
  const prefix = "Sure, here is the Icelandic translation: \n\n ";
  assert.deepEqual(
    alignLines({ hypothesis: `${prefix}a\r\nb\n`, references: ["x\n \ny", `${prefix}1\n2`] }),
    [
      { hypothesis: "a", references: ["x", "1"] },
      { hypothesis: "b", references: ["y", "2"] },
    ],
  );
  const uneven = { hypothesis: "a\nb", references: ["x\ny", "1\n2\n3"] };
  assert.deepEqual(alignLines(uneven), [uneven]);
  assert.deepEqual(alignLines({ hypothesis: "", references: [""] }), [
    { hypothesis: "", references: [""] },
  ]);
  const kept = alignLines({ hypothesis: `${prefix}a`, references: [`${prefix}b`] }, {
    keepPrefix: true,
  });
  assert.equal(kept.length, 2);
});

Deno.test("lengthRatio counts characters, all against all", () => {
  const score = lengthRatio.score([
    { hypothesis: "😀é", references: ["abcd", "ab"] },
    { hypothesis: "abcd", references: ["ab"] },
    { hypothesis: "ab", references: [" "] },
  ]);
  assert.equal(score.value, 8 / 6);
  assert.deepEqual(score.items, [0.5, 2, NaN]);
});

Deno.test("isRefusal() sees refusals in English and Icelandic, and no text that only speaks of one", () => {
  for (
    const refusal of [
      "",
      " \n",
      "I'm sorry, but I can't translate this text.",
      "I’m unable to help with that.",
      "As an AI language model, I have no opinion.",
      "I cannot provide a translation.",
      "Please provide the text.",
      "Því miður get ég ekki þýtt þennan texta.",
      "Mér þykir það leitt, en þetta er of langt.",
    ]
  ) assert.ok(isRefusal(refusal), refusal);
  for (
    const text of [
      "Borgaryfirvöld í Seattle hafa lýst yfir uppreisnarástandi.",
      "The minister said that the cannery would close.",
      "x".repeat(150) + " I'm sorry, she said.",
      "Airlines are unaffected.",
    ]
  ) assert.ok(!isRefusal(text), text);
  assert.equal(refusalRate().score([{ hypothesis: "" }, { hypothesis: "a" }]).value, 0.5);
  assert.equal(refusalRate([/^no$/]).score([{ hypothesis: "no" }, { hypothesis: "a" }]).value, 0.5);
});

const profiles = [
  languageProfile("en", ["The quick brown fox jumps over the lazy dog, and the cat looks at it."]),
  languageProfile("is", ["Kæmi ný öxi hér ykist þjófum nú bæði víl og ádrepa. Það er hún."]),
];

Deno.test("languageIdentifier() goes by letters alone, whatever their case and composition", () => {
  const identify = languageIdentifier(profiles);
  assert.equal(identify("the dog and the cat")?.language, "en");
  assert.equal(identify("ÞAÐ ER HÚN 1984!")?.language, "is");
  assert.deepEqual(identify("ÞAÐ er hún".normalize("NFD")), identify("það ER HÚN"));
  assert.equal(identify(""), undefined);
  assert.equal(identify("1984, 😀"), undefined);
  const once = identify("the dog")!.margin;
  assert.ok(Math.abs(identify("the dog the dog")!.margin - once) < 1e-12, "a mean, not a sum");
  assert.throws(() => languageIdentifier(profiles.slice(1)), /two languages or more but found 1/);
});

Deno.test("offTargetRate() counts texts in another language and in none", () => {
  const texts = ["the cat", "það er hún", "…", "over the dog"];
  const items = texts.map((hypothesis) => ({ hypothesis }));
  assert.deepEqual(offTargetRate("en", profiles).score(items).items, [0, 1, 1, 0]);
  assert.equal(offTargetRate("is", profiles).score(items).value, 0.75);
});

Deno.test("scoredBy() refuses scores that are too few or no numbers", () => {
  const items = [{ hypothesis: "a", references: ["b"] }, { hypothesis: "c", references: ["d"] }];
  const metric = (...scores: number[]) =>
    scoredBy({ name: "learned", signature: "", scores: () => scores });
  assert.deepEqual(metric(-1, 0.5).score(items), { value: -0.25, items: [-1, 0.5] });
  assert.throws(() => metric(1).score(items), /learned: expected 2 finite scores but found 1 of 1/);
  assert.throws(() => metric(1, NaN).score(items), /expected 2 finite scores but found 1 of 2/);
});
