import assert from "node:assert/strict";
import { importStrings, stringModule } from "./publishable.ts";

Deno.test("importStrings() replaces imports of kernels and nothing else", () => {
  const other = `import { a } from "./a.ts";\n// with { type: "text" }\n`;
  const kernel = `import source from "../../kernels/x.wgsl" with { type: "text" };\n`;
  assert.equal(
    importStrings(other + kernel),
    other + `import source from "../../kernels/x.wgsl.ts";\n`,
  );
});

Deno.test("stringModule() keeps the kernel as it is", () => {
  const kernel = 'a "quoted" \\ `line`\n// é\n';
  const literal = /const source: string = (.*);\n/.exec(stringModule("x.wgsl", kernel))?.[1];
  assert.equal(JSON.parse(literal ?? ""), kernel);
});
