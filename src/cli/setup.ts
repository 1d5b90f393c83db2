/**
 * Makes sure that WebGPU finds an adapter before a task runs: returns at once where it does, installs
 * Mesa's software Vulkan driver where that is possible, else says the one command to run.
 * @module
 */

import { installFromBackports, isSlowMesa, listMirrors, readMirror } from "./backports.ts";

/** What setup needs to know of a machine and do to it. */
export interface Machine {
  /** The description of the adapter that WebGPU finds, asked in this process. */
  readonly probe: () => Promise<string | undefined>;
  /** Whether there is one, asked in a new process: this one does not see a driver installed since. */
  readonly probeAgain: () => Promise<boolean>;
  readonly os: string;
  /** Whether a program of that name can be started. */
  readonly has: (program: string) => Promise<boolean>;
  /** Whether this user is root. */
  readonly root: boolean;
  /** Runs a command, its messages on stderr; true on success. */
  readonly run: (command: ReadonlyArray<string>) => Promise<boolean>;
  /** What a command prints, or undefined where it fails. */
  readonly ask: (command: ReadonlyArray<string>) => Promise<string | undefined>;
  /** Whether the environment turns installing off. */
  readonly noInstall: boolean;
  /** Prints one line on stderr. */
  readonly say: (line: string) => void;
}

const packages = ["libvulkan1", "mesa-vulkan-drivers"];

/** True where an adapter is there or could be made available. */
export const setup = async (machine: Machine): Promise<boolean> => {
  const { noInstall, probe, probeAgain, say } = machine;
  const adapter = await probe();
  if (adapter !== undefined) {
    await warnOfSlowDriver(machine, adapter);
    return true;
  }
  say("WebGPU finds no adapter on this machine");
  const prefix = noInstall ? undefined : await rootPrefix(machine);
  if (prefix === undefined) {
    if (noInstall) say("DELIA_NO_INSTALL is set, so nothing is installed");
    say(`Run this, then try again: ${await advice(machine)}`);
    return false;
  }
  say("Installing Mesa's software Vulkan driver (DELIA_NO_INSTALL=1 turns this off):");
  if (!await installNewer(machine, prefix) && !await installOwn(machine, prefix)) {
    say("The installation failed; its messages are above");
    return false;
  }
  if (await probeAgain()) return true;
  say("The driver is installed, but WebGPU still finds no adapter");
  return false;
};

/** A line of advice where Mesa's software driver is there, and slow. */
const warnOfSlowDriver = async ({ ask, say }: Machine, adapter: string): Promise<void> => {
  if (!adapter.startsWith("llvmpipe")) return;
  const version = await ask(["dpkg-query", "-W", "-f", "${Version}", "mesa-vulkan-drivers"]);
  if (version === undefined || !isSlowMesa(version)) return;
  say(
    `Mesa ${version} computes 4 to 10 times slower than Mesa 25; the release's backports have it`,
  );
};

/** Where the release's own Mesa is slow, installs that of its backports; false where that can't be. */
const installNewer = async (machine: Machine, prefix: ReadonlyArray<string>): Promise<boolean> => {
  const { ask, run, say } = machine;
  // A fresh image has no package lists, and without them apt knows no version and no mirror.
  let own = await ownVersion(machine);
  if (own === undefined) {
    await update(machine, prefix);
    own = await ownVersion(machine);
  }
  if (own === undefined || !isSlowMesa(own)) return false;
  const mirror = readMirror(await ask(listMirrors) ?? "");
  if (mirror !== undefined) {
    const backports = `${mirror.release}-backports`;
    say(`  ${[...installWords, "-t", backports, ...packages].join(" ")}`);
    say(
      `  from ${mirror.uri}, because ${mirror.release}'s own Mesa ${own} is 4 to 10 times slower`,
    );
    if (await run([...prefix, ...installFromBackports(mirror, packages)])) return true;
  }
  say(`The backports could not be used; Mesa ${own} works too, 4 to 10 times slower:`);
  return false;
};

/** Version of Mesa in the package lists, undefined where there are none. */
const ownVersion = async ({ ask }: Machine): Promise<string | undefined> =>
  /^Version: (.+)$/m
    .exec(await ask(["apt-cache", "show", "--no-all-versions", "mesa-vulkan-drivers"]) ?? "")?.[1];

/** Installs the release's own Mesa; package lists may be stale, so a failed try asks for new ones. */
const installOwn = async (machine: Machine, prefix: ReadonlyArray<string>): Promise<boolean> => {
  const install = [...installWords, ...packages];
  machine.say(`  ${install.join(" ")}`);
  const command = [...prefix, ...install];
  return await machine.run(command) ||
    await update(machine, prefix) && await machine.run(command);
};

const update = ({ run, say }: Machine, prefix: ReadonlyArray<string>): Promise<boolean> => {
  say("  apt-get update");
  return run([...prefix, "apt-get", "update"]);
};

const installWords = ["apt-get", "install", "-y", "--no-install-recommends"];

/** How to run apt-get as root: directly, by password-less sudo, or not at all. */
const rootPrefix = async (
  { os, has, root, run }: Machine,
): Promise<ReadonlyArray<string> | undefined> => {
  if (os !== "linux" || !await has("apt-get")) return undefined;
  if (root) return ["env", "DEBIAN_FRONTEND=noninteractive"];
  const sudo = await has("sudo") && await run(["sudo", "-n", "true"]);
  return sudo ? ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"] : undefined;
};

/** The one command, or step, that gives this machine an adapter. */
const advice = async ({ os, has, root }: Machine): Promise<string> => {
  if (os === "darwin") return "softwareupdate --install --all (WebGPU needs macOS with Metal)";
  if (os === "windows") return "install the GPU maker's current driver (WebGPU needs Direct3D 12)";
  const sudo = root ? "" : "sudo ";
  for (const [program, command] of Object.entries(byPackageManager)) {
    if (await has(program)) return `${sudo}sh -c "${command}"`;
  }
  return "install a Vulkan driver (Mesa's lavapipe works without a GPU)";
};

const byPackageManager: Readonly<Record<string, string>> = {
  "apt-get": `apt-get update && apt-get install -y ${packages.join(" ")}`,
  "dnf": "dnf install -y vulkan-loader mesa-vulkan-drivers",
  "pacman": "pacman -Sy --noconfirm vulkan-icd-loader vulkan-swrast",
  "zypper": "zypper install -y libvulkan1 libvulkan_lvp",
};

/** The machine that this process runs on. */
const thisMachine: Machine = {
  probe: async () => (await navigator.gpu?.requestAdapter())?.info.description,
  probeAgain: async () =>
    await start([Deno.execPath(), "run", import.meta.filename!, "--probe"], "inherit") !==
      undefined,
  os: Deno.build.os,
  has: async (program) => await start([program, "--version"], "null") !== undefined,
  get root() {
    return Deno.uid() === 0;
  },
  run: async (command) => await start(command, "inherit") !== undefined,
  ask: (command) => start(command, "null"),
  get noInstall() {
    return ![undefined, "", "0"].includes(Deno.env.get("DELIA_NO_INSTALL"));
  },
  say: (line) => console.error(line),
};

/** Runs a command; what it prints, or undefined where it fails or is not there. */
const start = async (
  [program = "", ...args]: ReadonlyArray<string>,
  stderr: "inherit" | "null",
): Promise<string | undefined> => {
  try {
    const command = new Deno.Command(program, { args, stdin: "null", stderr });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
};

if (import.meta.main) {
  const found = Deno.args[0] === "--probe"
    ? await thisMachine.probe() !== undefined
    : await setup(thisMachine);
  Deno.exit(found ? 0 : 1);
}
