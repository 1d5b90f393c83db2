/** Finds a Python that has the reference implementations, and runs our scripts with it. @module */

const scripts = new URL("./", import.meta.url).pathname;

/** A Python with torch, transformers, PEFT and safetensors. */
export interface Python {
  readonly command: string;
  /** By package, and Python's own. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Why there is none, and how to make one. */
export class NoPython extends Error {
  constructor(command: string, found: string) {
    super(
      `Expected a Python with torch, transformers, peft and safetensors at ${command} but found: ` +
        `${found}\nMake one and name it:\n` +
        "  python3 -m venv .venv && .venv/bin/pip install -r tests/parity/requirements.txt\n" +
        "  DELIA_PYTHON=.venv/bin/python deno task parity",
    );
  }
}

const lastLine = (bytes: Uint8Array): string =>
  new TextDecoder().decode(bytes).trim().split("\n").at(-1) ?? "";

/** The Python of the variable `DELIA_PYTHON`, else `python3`; throws {@linkcode NoPython}. */
export const findPython = async (): Promise<Python> => {
  const command = Deno.env.get("DELIA_PYTHON") ?? "python3";
  const args = [`${scripts}parity.py`];
  const options: Deno.CommandOptions = { args, stdout: "piped", stderr: "piped" };
  const run = async () => await new Deno.Command(command, options).output();
  const { success, stdout, stderr } = await run().catch((cause: Error) => {
    throw new NoPython(command, cause.message);
  });
  if (!success) throw new NoPython(command, lastLine(stderr));
  return { command, versions: JSON.parse(new TextDecoder().decode(stdout)) };
};

/** Runs one of the scripts beside this file and returns what it prints on stdout. */
export const runPython = (
  { command }: Python,
  script: string,
  args: ReadonlyArray<string>,
): Promise<string> => runProgram(command, [`${scripts}${script}`, ...args]);

/** Runs `command` and returns its stdout; a failure throws what it said. */
export const runProgram = async (
  command: string,
  args: ReadonlyArray<string>,
): Promise<string> => {
  const options: Deno.CommandOptions = { args: [...args], stdout: "piped", stderr: "piped" };
  const { success, stdout, stderr } = await new Deno.Command(command, options).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${command} ${args.join(" ")}\n${new TextDecoder().decode(stderr)}`);
};
