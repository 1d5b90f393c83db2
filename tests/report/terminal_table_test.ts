import assert from "node:assert/strict";
import { terminalTable } from "../../src/report/terminal_table.ts";
import { wrap } from "../../src/report/wrap.ts";
import { sampleArm, sampleRun } from "./sample_run.ts";

Deno.test("terminalTable() keeps every line within the width, at any width from 40", () => {
  for (const seeds of [1, 3]) {
    for (const width of [40, 57, 80, 99, 117, 160]) {
      for (const line of terminalTable(sampleRun(seeds), { width }).split("\n")) {
        assert.ok(line.length <= width, `${width}: ${line}`);
      }
    }
  }
});

Deno.test("terminalTable() sets rates and distances side by side only where they fit", () => {
  const blocks = (width: number): number =>
    terminalTable(sampleRun(1), { width }).split("\n").filter((line) => /^arm /.test(line)).length;
  assert.equal(blocks(120), 1);
  assert.equal(blocks(80), 2);
  assert.ok(blocks(40) > 2);
});

Deno.test("terminalTable() says at any width of which word a distance is", () => {
  for (const seeds of [1, 3]) {
    for (let width = 40; width <= 120; width++) {
      const lines = terminalTable(sampleRun(seeds), { width }).split("\n");
      const found = lines.flatMap((line, index) => {
        const titles = /^arm /.test(line) ? line.match(/first|mid|last/g) ?? [] : [];
        const words = lines[index - 1]?.match(/(?<=L2 to )\w+/g) ?? [];
        // Of two words side by side each has its three blocks.
        return titles.map((title, at) =>
          `${words[words.length > 1 ? Math.floor(at / 3) : 0]} ${title}`
        );
      });
      const wanted = ["json", "thought"].flatMap((word) =>
        ["first", "mid", "last"].map((block) => `${word} ${block}`)
      );
      assert.deepEqual(found, wanted, `${width}`);
    }
  }
});

Deno.test("terminalTable() shows mean, least, greatest and every seed of an arm", () => {
  const run = sampleRun(1);
  const arms = [0.5, 1].map((t2_transfer, index) => ({
    ...sampleArm("delia", 42 + index),
    metrics: { t2_transfer },
  }));
  const text = terminalTable({ ...run, arms }, { width: 120 });
  const row = (label: string) => text.split("\n").find((line) => line.startsWith(label)) ?? "";
  assert.match(row("DELIA"), /0\.750/);
  assert.match(row("  [min,"), /0\.500/);
  assert.match(row("   max]"), /1\.000/);
  assert.match(row("  seed 42"), /0\.500/);
  assert.match(row("  seed 43"), /1\.000/);
});

Deno.test("terminalTable() shows a dash for a number that is missing", () => {
  const run = { ...sampleRun(1), arms: [{ ...sampleArm("base", 42), metrics: {} }] };
  const text = terminalTable(run, { width: 120 });
  const row = text.split("\n").find((line) => line.startsWith("base")) ?? "";
  assert.equal(row.split("–").length - 1, 13);
  assert.doesNotMatch(text, /NaN|undefined/);
});

Deno.test("terminalTable() quotes the paper and says that it does not compare", () => {
  const text = terminalTable(sampleRun(1), { width: 120 });
  assert.match(text, /paper: common tuning +0\.599 +336\.3 341\.9 182\.3 +337\.5 343\.4 183\.0/);
  assert.match(text, /not comparable in magnitude/);
  assert.match(text, /"common matched steps" has no counterpart in the paper/);
});

Deno.test("terminalTable() has escape codes only if asked", () => {
  // deno-lint-ignore no-control-regex
  const escapes = /\x1b/;
  assert.doesNotMatch(terminalTable(sampleRun(1), { width: 80 }), escapes);
  assert.match(terminalTable(sampleRun(1), { width: 80, colour: true }), escapes);
});

Deno.test("wrap() breaks at blanks, indents what follows, cuts a word that is too long", () => {
  assert.deepEqual(wrap("- one two three", 8, 2), ["- one", "  two", "  three"]);
  assert.deepEqual(wrap("abcdefgh", 4, 1), ["abcd", " efg", " h"]);
  assert.deepEqual(wrap("", 10), []);
});
