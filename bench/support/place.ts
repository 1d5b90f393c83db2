/** Where something is measured, and the file of results that belongs to it. @module */
import { bestAdapter } from "../../src/gpu/device.ts";

/** What every line of one results file shares. */
export interface BenchPlace {
  readonly date: string;
  /** The adapter's own description. */
  readonly device: string;
  /** Version of Mesa where it drives the device and dpkg knows it. */
  readonly driver: string | null;
  /** Commit of the tree, with a `+` where it holds changes. */
  readonly commit: string;
}

const ask = async (program: string, ...args: ReadonlyArray<string>): Promise<string | null> => {
  try {
    const { success, stdout } = await new Deno.Command(program, { args: [...args] }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
};

/** Where this process measures. */
export const thisPlace = async (): Promise<BenchPlace> => {
  const adapter = await bestAdapter();
  const { description = "", vendor = "" } = adapter?.info ?? {};
  const device = description || vendor || "unnamed adapter";
  const mesa = device.startsWith("llvmpipe")
    ? await ask("dpkg-query", "-W", "-f", "Mesa ${Version}", "mesa-vulkan-drivers")
    : null;
  const changed = await ask("git", "status", "--porcelain", "--untracked-files=no");
  const commit = await ask("git", "rev-parse", "--short", "HEAD") ?? "unknown";
  const date = new Date().toISOString().slice(0, 10);
  return { date, device, driver: mesa, commit: changed ? `${commit}+` : commit };
};

/** Adds `lines` to the file of today and this device in `bench/results`, and returns its name. */
export const appendResults = async (
  { date, device }: BenchPlace,
  lines: ReadonlyArray<object>,
): Promise<string> => {
  const slug = device.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replace(/-$/, "");
  const file = `bench/results/${date}-${slug}.jsonl`;
  await Deno.mkdir("bench/results", { recursive: true });
  const added = lines.map((line) => JSON.stringify(line) + "\n").join("");
  await Deno.writeTextFile(file, added, { append: true });
  return file;
};
