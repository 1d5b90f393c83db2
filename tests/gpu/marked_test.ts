import assert from "node:assert/strict";
import { withoutParts } from "../../src/gpu/marked.ts";

const kernel = `struct Params { size: u32,
  //: sum
  sumSize: u32,
  //: end
}
@binding(0) x;
//: sum
@binding(1) sum;
//: end
//: more
@binding(2) more;
//: end
@binding(3) y;
`;

Deno.test("withoutParts() leaves out every part of a name, and numbers the bindings anew", () => {
  const expected = `struct Params { size: u32,
}
@binding(0) x;
//: more
@binding(1) more;
//: end
@binding(2) y;
`;
  assert.equal(withoutParts(kernel, ["sum"]), expected);
});

Deno.test("withoutParts() leaves a kernel whole whose parts are all wanted", () => {
  assert.equal(withoutParts(kernel, []), kernel);
});

Deno.test("withoutParts() leaves out several parts", () => {
  const left = withoutParts(kernel, ["sum", "more"]);
  assert.equal(left, "struct Params { size: u32,\n}\n@binding(0) x;\n@binding(1) y;\n");
});
