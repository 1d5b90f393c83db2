import assert from "node:assert/strict";
import { makeChatTemplate } from "../../src/data/chat_template.ts";

const write = (source: string, content = "") =>
  makeChatTemplate(source, {}).text([{ role: "user", content }], false);

// Each was written by Python's jinja2, and by the library otherwise.
Deno.test("usePython() gives templates Python's text functions", () => {
  const cases: ReadonlyArray<readonly [string, string, string]> = [
    ["[{{ messages[0].content.lstrip('\\n') }}]", "\n  a\n", "[  a\n]"],
    ["[{{ messages[0].content.rstrip('\\n') }}]", " a \n\n", "[ a ]"],
    ["[{{ messages[0].content.strip('<>') }}]", "<<a> ", "[a> ]"],
    ["[{{ messages[0]['content'].strip() }}]", "\x1c a\u0085", "[a]"],
    ["[{{ messages[0].content | trim }}]", "\ufeff a ", "[\ufeff a]"],
    ["[{{ messages[0].content | trim | length }}]", " 🙂é ", "[2]"],
    ["{{ messages | length }}", "", "1"],
    ["{{ messages[0].content.capitalize() }}", "uSER", "User"],
    ["{% set x = messages[0].content.split('|')[-1].lstrip('\\n') %}{{ x }}", "a|\n b", " b"],
    ["{% if messages[0].content.strip('\\n') == ' ' %}yes{% endif %}", "\n ", "yes"],
  ];
  for (const [source, content, expected] of cases) {
    assert.equal(write(source, content), expected, source);
  }
});

Deno.test("usePython() pins the date that a template prints", () => {
  assert.equal(write("{{ strftime_now('%d %B %Y, %Y-%m-%d %%') }}"), "26 July 2024, 2024-07-26 %");
  assert.equal(
    write("{% if strftime_now is defined %}{{ date_string }}{% endif %}"),
    "26 Jul 2024",
  );
  assert.throws(() => write("{{ strftime_now('%G') }}"), {
    message: "The chat template failed: strftime_now does not know %G",
  });
});
