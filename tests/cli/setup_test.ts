import assert from "node:assert/strict";
import { type Machine, setup } from "../../src/cli/setup.ts";

/** Runs setup on a made-up machine; gives what it returned, ran and said. */
const on = async (machine: Partial<Machine> & { readonly programs?: ReadonlyArray<string> }) => {
  const ran: Array<string> = [];
  const said: Array<string> = [];
  const result = await setup({
    probe: () => Promise.resolve(false),
    probeAgain: () => Promise.resolve(true),
    os: "linux",
    root: true,
    noInstall: false,
    has: (program) => Promise.resolve(machine.programs?.includes(program) ?? false),
    say: (line) => void said.push(line),
    ...machine,
    run: (command) => {
      ran.push(command.filter((word) => !/^(env|-y|-n|DEBIAN.*|--no-.*)$/.test(word)).join(" "));
      return machine.run?.(command) ?? Promise.resolve(true);
    },
  });
  return { result, ran, said: said.join("\n") };
};

const install = "apt-get install libvulkan1 mesa-vulkan-drivers";

Deno.test("setup() does and says nothing where there is an adapter", async () => {
  const there = await on({ probe: () => Promise.resolve(true), programs: ["apt-get"] });
  assert.deepEqual(there, { result: true, ran: [], said: "" });
});

Deno.test("setup() says what it installs, as root", async () => {
  const { result, ran, said } = await on({ programs: ["apt-get"] });
  assert.deepEqual({ result, ran }, { result: true, ran: [install] });
  assert.match(said, /Installing Mesa's software Vulkan driver/);
});

Deno.test("setup() asks for new package lists where the first install fails", async () => {
  let tries = 0;
  const run = () => Promise.resolve(tries++ > 0);
  const { result, ran } = await on({ programs: ["apt-get"], run });
  assert.deepEqual({ result, ran }, { result: true, ran: [install, "apt-get update", install] });
});

Deno.test("setup() uses sudo only where it asks for no password", async () => {
  const programs = ["apt-get", "sudo"];
  const free = await on({ programs, root: false });
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
    probeAgain: () => Promise.resolve(false),
  });
  assert.equal(result, false);
  assert.match(said, /still finds no adapter/);
});
