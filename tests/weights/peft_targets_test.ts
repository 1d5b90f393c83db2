import assert from "node:assert/strict";
import { isTarget, type Targets } from "../../src/weights/peft_targets.ts";

const all: Targets = {
  target_modules: ["q_proj", "v_proj"],
  exclude_modules: null,
  layers_to_transform: null,
  layers_pattern: null,
};
const paths = [0, 1, 10].flatMap((layer) =>
  ["q_proj", "v_proj"].map((name) => `model.layers.${layer}.self_attn.${name}`)
);
const everywhere = "0q 0v 1q 1v 10q 10v";

// What `check_target_module_exists` of PEFT 0.21.2 says of these paths.
const cases: ReadonlyArray<readonly [Partial<Targets>, string]> = [
  [{}, everywhere],
  [{ target_modules: "all-linear" }, everywhere],
  [{ target_modules: ["proj"] }, ""],
  [{ target_modules: ["self_attn.v_proj", "model.layers.1.self_attn.q_proj"] }, "0v 1q 1v 10v"],
  [{ target_modules: ".*layers\\.1\\..*(q|v)_proj" }, "1q 1v"],
  [{ target_modules: "layers\\.1\\..*" }, ""],
  [{ layers_to_transform: 1 }, "1q 1v"],
  [{ layers_to_transform: [0, 10] }, "0q 0v 10q 10v"],
  [{ layers_to_transform: [] }, everywhere],
  [{ layers_to_transform: [1], layers_pattern: "layers" }, "1q 1v"],
  [{ layers_to_transform: [1], layers_pattern: ["blocks", "layers"] }, "1q 1v"],
  [{ layers_to_transform: [1], layers_pattern: "blocks" }, ""],
  [{ layers_to_transform: [1], layers_pattern: [] }, "1q 1v"],
  [{ target_modules: [paths[0]!, "v_proj"], layers_to_transform: [1] }, "0q 1v"],
  [{ exclude_modules: ["q_proj", paths[3]!] }, "0v 10v"],
  [{ exclude_modules: ".*\\.0\\..*" }, "1q 1v 10q 10v"],
  [{ exclude_modules: "" }, everywhere],
  // Nothing is left out by a pattern that is not matched here.
  [{ target_modules: "(.+)+q_proj" }, everywhere],
  [{ exclude_modules: "(.+)+q_proj" }, everywhere],
  [{ layers_to_transform: [1], layers_pattern: "(l+)+" }, everywhere],
];

for (const [keys, expected] of cases) {
  Deno.test(`isTarget() finds ${expected || "nothing"} by ${JSON.stringify(keys)}`, () => {
    const found = paths.filter((path) => isTarget({ ...all, ...keys }, path))
      .map((path) => path.replace(/.*layers\.(\d+).*\.(.)_proj/, "$1$2"));
    assert.equal(found.join(" "), expected);
  });
}
