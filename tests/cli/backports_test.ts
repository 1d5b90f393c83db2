import assert from "node:assert/strict";
import { installFromBackports, isSlowMesa, readMirror } from "../../src/cli/backports.ts";

Deno.test("isSlowMesa() compares the first number of a version", () => {
  assert.ok(isSlowMesa("22.3.6-1+deb12u1"));
  assert.ok(!isSlowMesa("23.0.0-1"));
  assert.ok(!isSlowMesa("25.0.7-2~bpo12+1"));
});

Deno.test("readMirror() finds the release's own mirror and its keyring", () => {
  const lines = [
    "main bookworm-updates http://mirror/debian/ /keys/updates.gpg",
    "contrib bookworm http://mirror/debian/ /keys/contrib.gpg",
    "main bookworm/updates http://mirror/security/ /keys/security.gpg",
    "main bookworm http://mirror/debian/ /keys/debian.gpg",
  ];
  const mirror = { uri: "http://mirror/debian/", release: "bookworm" };
  assert.deepEqual(readMirror(lines.join("\n")), { ...mirror, signedBy: "/keys/debian.gpg" });
  for (const unknown of ["$(SIGNED_BY)", "", "-----BEGIN PGP\n main bookworm mQINBF\n"]) {
    assert.deepEqual(readMirror(`main bookworm http://mirror/debian/ ${unknown}`), mirror);
  }
  assert.equal(readMirror(""), undefined);
});

Deno.test("installFromBackports() hands a mirror to the shell as arguments, never as code", () => {
  const uri = "http://mirror/$(exit 1)'\"";
  const command = installFromBackports({ uri, release: "bookworm" }, ["a", "b"]);
  assert.ok(!command[2]!.includes(uri));
  assert.deepEqual(command.slice(5), [uri, "bookworm", "a", "b"]);
});

Deno.test({
  name: "installFromBackports() is a script that the shell accepts",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const [program, , script = ""] = installFromBackports({ uri: "u", release: "r" }, []);
    const { code } = await new Deno.Command(program!, { args: ["-n", "-c", script] }).output();
    assert.equal(code, 0);
  },
});
