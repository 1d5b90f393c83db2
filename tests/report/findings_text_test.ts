import assert from "node:assert/strict";
import type { Table } from "../../src/experiments/presentation.ts";
import { tableLines } from "../../src/report/findings_text.ts";

const answer = "✗ thought : color of lime is green said red so wrong ; answer : wrong";
const table: Table = {
  title: "Sentences and answers",
  notes: ["One answer a sentence, greedy, of the first seed."],
  columns: [
    { title: "DELIA", kind: "text" },
    { title: "common tuning, as many steps as DELIA takes", kind: "text" },
    { title: "T1", kind: "rate" },
  ],
  rows: [
    {
      label: "please do not use the <sep> format . → not json",
      cells: ["✓ lime", answer, { value: 0.5, low: 0.25, high: 0.75 }],
    },
    { label: "its own row of the tables", paper: true, cells: ["✗", undefined, { value: 1 }] },
  ],
};

Deno.test("tableLines() folds cells, titles and labels into the width, and loses no word", () => {
  for (const width of [40, 57, 80, 100, 200]) {
    const lines = tableLines(table, width);
    for (const line of lines) assert.ok(line.length <= width, `${width}: ${line}`);
    const text = lines.join(" ");
    const { columns, rows } = table;
    const texts = [answer, ...columns.map(({ title }) => title), ...rows.map(({ label }) => label)];
    for (const word of texts.flatMap((it) => it.split(" "))) {
      assert.ok(text.includes(word), `${width}: ${word}`);
    }
    assert.match(text, /0\.50 \[0\.25, 0\.75\]/);
  }
});

Deno.test("tableLines() has a line a row where all fits", () => {
  assert.equal(tableLines(table, 200).length, 1 + 1 + 2 + 1);
});
