import assert from "node:assert/strict";

/** Runs the command line in a process of its own, as a script would. */
const delia = async (...args: ReadonlyArray<string>) => {
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys=uid,gid"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...permissions, "src/main.ts", ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
};

Deno.test("delia --help names the verbs, on stdout", async () => {
  const { code, out, err } = await delia("--help");
  assert.deepEqual({ code, err }, { code: 0, err: "" });
  assert.match(out, /^ {2}inspect {2,}Print the tokens of chats/m);
});

Deno.test("delia says what was meant by an unknown flag, on stderr, and fails", async () => {
  const { code, out, err } = await delia("inspect", "--modl", "x");
  assert.deepEqual({ code, out }, { code: 1, out: "" });
  assert.match(err, /Unrecognized flag: --modl.*\n\n {2}Did you mean this\?\n {4}--model\n/);
});

Deno.test("delia ends an expected failure with one message and no stack", async () => {
  const { code, out, err } = await delia("inspect", "--model", "nowhere", "--data", "x", "--json");
  assert.deepEqual({ code, out }, { code: 1, out: "" });
  assert.match(
    err,
    /^Error: "nowhere" should be a directory or a name on the hub .* but is neither\n$/,
  );
});

Deno.test("delia inspect --json prints one document, the supervised tokens in it", async () => {
  const file = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    const messages = [{ role: "user", content: "red" }, { role: "assistant", content: "red" }];
    await Deno.writeTextFile(file, JSON.stringify({ messages }) + "\n");
    const { code, out, err } = await delia(
      ...["inspect", "--model", "fixtures/base", "--data", file, "--json"],
    );
    assert.equal(code, 0, err);
    const [example] = JSON.parse(out);
    assert.equal(example.tokens.length, example.ids.length);
    assert.ok(example.supervised.includes(true) && example.supervised.includes(false));
    assert.match(err, /^.*\[.*\].*tokens supervised\)\n$/);
  } finally {
    await Deno.remove(file);
  }
});
