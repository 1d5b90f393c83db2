/**
 * Makes sure that WebGPU finds an adapter before a task runs: returns at once where it does, installs
 * Mesa's software Vulkan driver where that is possible, else says the one command to run.
 * @module
 */

/** What setup needs to know of a machine and do to it. */
export interface Machine {
  /** Whether WebGPU finds an adapter, asked in this process. */
  readonly probe: () => Promise<boolean>;
  /** The same, asked in a new process: a driver installed since this one started is not seen by it. */
  readonly probeAgain: () => Promise<boolean>;
  readonly os: string;
  /** Whether a program of that name can be started. */
  readonly has: (program: string) => Promise<boolean>;
  /** Whether this user is root. */
  readonly root: boolean;
  /** Runs a command, its output on stderr; true on success. */
  readonly run: (command: ReadonlyArray<string>) => Promise<boolean>;
  /** Whether the environment turns installing off. */
  readonly noInstall: boolean;
  /** Prints one line on stderr. */
  readonly say: (line: string) => void;
}

const packages = ["libvulkan1", "mesa-vulkan-drivers"];

/** True where an adapter is there or could be made available. */
export const setup = async (machine: Machine): Promise<boolean> => {
  if (await machine.probe()) return true;
  machine.say("WebGPU finds no adapter on this machine");
  const { noInstall, say } = machine;
  const prefix = noInstall ? undefined : await rootPrefix(machine);
  if (prefix === undefined) {
    if (noInstall) say("DELIA_NO_INSTALL is set, so nothing is installed");
    say(`Run this, then try again: ${await advice(machine)}`);
    return false;
  }
  const command = (...words: ReadonlyArray<string>) => [...prefix, "apt-get", ...words];
  const install = command("install", "-y", "--no-install-recommends", ...packages);
  say("Installing Mesa's software Vulkan driver (DELIA_NO_INSTALL=1 turns this off):");
  say(`  ${install.join(" ")}`);
  // Package lists may be missing or stale: only a failed install asks for new ones.
  if (!await machine.run(install)) {
    say(`  ${command("update").join(" ")}, then once more`);
    if (!await machine.run(command("update")) || !await machine.run(install)) {
      say("The installation failed; its messages are above");
      return false;
    }
  }
  if (await machine.probeAgain()) return true;
  say("The driver is installed, but WebGPU still finds no adapter");
  return false;
};

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
  probe: async () => await navigator.gpu?.requestAdapter() != null,
  probeAgain: () => succeeds([Deno.execPath(), "run", import.meta.filename!, "--probe"]),
  os: Deno.build.os,
  has: (program) => succeeds([program, "--version"], "null"),
  get root() {
    return Deno.uid() === 0;
  },
  run: (command) => succeeds(command),
  get noInstall() {
    return ![undefined, "", "0"].includes(Deno.env.get("DELIA_NO_INSTALL"));
  },
  say: (line) => console.error(line),
};

/** Runs a command whose output goes to stderr, or nowhere; false where it fails or is not there. */
const succeeds = async (
  [program = "", ...args]: ReadonlyArray<string>,
  output: "inherit" | "null" = "inherit",
): Promise<boolean> => {
  const options = { args, stdin: "null", stdout: "null", stderr: output } as const;
  try {
    return (await new Deno.Command(program, options).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
};

if (import.meta.main) {
  const found = Deno.args[0] === "--probe" ? await thisMachine.probe() : await setup(thisMachine);
  Deno.exit(found ? 0 : 1);
}
