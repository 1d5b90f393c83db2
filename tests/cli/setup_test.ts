import assert from "node:assert/strict";
import { type Machine, setup } from "../../src/cli/setup.ts";

/** Runs setup on a made-up machine; gives what it returned, ran and said. */
const on = async (
  machine: Partial<Machine> & {
    readonly programs?: ReadonlyArray<string>;
    /** What programs print. */
    readonly answers?: Readonly<Record<string, string>>;
  },
) => {
  const ran: Array<string> = [];
  const said: Array<string> = [];
  const result = await setup({
    probe: () => Promise.resolve(undefined),
    probeAgain: () => Promise.resolve(true),
    os: "linux",
    root: true,
    noInstall: false,
    has: (program) => Promise.resolve(machine.programs?.includes(program) ?? false),
    say: (line) => void said.push(line),
    ask: ([program = ""]) => Promise.resolve(machine.answers?.[program]),
    ...machine,
    run: (command) => {
      const words = command.filter((word) => !/^(env|-y|-n|DEBIAN.*|--no-.*)$/.test(word));
      ran.push(words.map((word) => word.startsWith("set -e\n") ? "SCRIPT" : word).join(" "));
      return machine.run?.(command) ?? Promise.resolve(true);
    },
  });
  return { result, ran, said: said.join("\n") };
};

const install = "apt-get install libvulkan1 mesa-vulkan-drivers";
const new25 = { "apt-cache": "Package: mesa-vulkan-drivers\nVersion: 25.0.7-2\n" };
const old22 = {
  "apt-cache": "Package: mesa-vulkan-drivers\nVersion: 22.3.6-1+deb12u1\n",
  "apt-get": "main bookworm-security http://mirror/security /some/key.gpg\n" +
    "main bookworm http://mirror/debian/ $(SIGNED_BY)\n",
};

Deno.test("setup() does and says nothing where there is an adapter", async () => {
  const ask = () => Promise.reject(new Error("a question takes time"));
  const there = await on({ probe: () => Promise.resolve("A GPU"), programs: ["apt-get"], ask });
  assert.deepEqual(there, { result: true, ran: [], said: "" });
});

Deno.test("setup() says in one line that an installed software driver is slow", async () => {
  const probe = () => Promise.resolve("llvmpipe (LLVM 15.0.6, 256 bits)");
  for (
    const [version, expected] of [
      ["22.3.6-1+deb12u1", /^Mesa 22\.3\.6-1\+deb12u1 computes .* slower .*$/],
      ["25.0.7-2~bpo12+1", /^$/],
      [undefined, /^$/],
    ] as const
  ) {
    const answers = version === undefined ? {} : { "dpkg-query": version };
    const { result, ran, said } = await on({ probe, answers });
    assert.deepEqual({ result, ran }, { result: true, ran: [] });
    assert.match(said, expected);
  }
});

Deno.test("setup() says what it installs, as root", async () => {
  const { result, ran, said } = await on({ programs: ["apt-get"], answers: new25 });
  assert.deepEqual({ result, ran }, { result: true, ran: [install] });
  assert.match(said, /Installing Mesa's software Vulkan driver/);
});

Deno.test("setup() asks for new package lists where the first install fails", async () => {
  let tries = 0;
  const run = () => Promise.resolve(tries++ > 0);
  const { result, ran } = await on({ programs: ["apt-get"], run, answers: new25 });
  assert.deepEqual({ result, ran }, { result: true, ran: [install, "apt-get update", install] });
});

const newer =
  "sh -c SCRIPT sh /usr/share/keyrings/debian-archive-keyring.gpg http://mirror/debian/ bookworm " +
  "libvulkan1 mesa-vulkan-drivers";

Deno.test("setup() takes Mesa from the backports where the release's own is slow", async () => {
  const { result, ran, said } = await on({ programs: ["apt-get"], answers: old22 });
  assert.deepEqual({ result, ran }, { result: true, ran: [newer] });
  assert.match(said, /-t bookworm-backports libvulkan1 .*\n {2}from http:\/\/mirror\/debian\//);
});

Deno.test("setup() asks for package lists where there are none", async () => {
  let listed = false;
  const ran: Array<string> = [];
  const { result } = await on({
    programs: ["apt-get"],
    ask: ([program = ""]) =>
      Promise.resolve(listed ? old22[program as keyof typeof old22] : undefined),
    run: (command) => {
      ran.push(command.includes("update") ? "update" : "install");
      listed = true;
      return Promise.resolve(true);
    },
  });
  assert.deepEqual({ result, ran }, { result: true, ran: ["update", "install"] });
});

Deno.test("setup() installs the release's own Mesa, and says so, where backports fail", async () => {
  const { result, ran, said } = await on({
    programs: ["apt-get"],
    answers: old22,
    run: (command) => Promise.resolve(!command.includes("sh")),
  });
  assert.deepEqual({ result, ran }, { result: true, ran: [newer, install] });
  assert.match(said, /The backports could not be used; Mesa 22\.3\.6-1\+deb12u1 works too/);
});

Deno.test("setup() uses sudo only where it asks for no password", async () => {
  const programs = ["apt-get", "sudo"];
  const free = await on({ programs, root: false, answers: new25 });
  assert.deepEqual(free.ran, ["sudo true", `sudo ${install}`]);
  const asks = await on({ programs, root: false, run: () => Promise.resolve(false) });
  assert.deepEqual(asks.ran, ["sudo true"]);
  assert.equal(asks.result, false);
  assert.match(
    asks.said,
    /Run this, then try again: sudo sh -c "apt-get update && apt-get install/,
  );
});

Deno.test("setup() installs nothing where that is turned off, and says the command", async () => {
  const { result, ran, said } = await on({ programs: ["apt-get"], noInstall: true });
  assert.deepEqual({ result, ran }, { result: false, ran: [] });
  assert.match(said, /DELIA_NO_INSTALL is set/);
  assert.match(said, /Run this, then try again: sh -c "apt-get update/);
});

Deno.test("setup() names the command of other platforms", async () => {
  for (
    const [os, program, command] of [
      ["linux", "dnf", /dnf install/],
      ["linux", "pacman", /pacman -S/],
      ["linux", "none", /lavapipe/],
      ["darwin", "none", /Metal/],
      ["windows", "none", /Direct3D 12/],
    ] as const
  ) {
    const { result, ran, said } = await on({ os, programs: [program] });
    assert.deepEqual({ result, ran }, { result: false, ran: [] });
    assert.match(said, command);
  }
});

Deno.test("setup() fails where the driver is installed and still not found", async () => {
  const { result, said } = await on({
    programs: ["apt-get"],
    answers: new25,
    probeAgain: () => Promise.resolve(false),
  });
  assert.equal(result, false);
  assert.match(said, /still finds no adapter/);
});
