/**
 * Runs `deno test` with the permissions that the tests need, and ends with one plain line of totals:
 * `12 passed, 0 failed`. Arguments are handed on (`deno task test tests/weights`).
 * @module
 */

const permissions = [
  ...[
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--allow-sys=uid,gid,systemMemoryInfo",
    "--allow-run",
  ],
  "--allow-net=127.0.0.1", // a hub that tests start
];

/**
 * Exit status of a process that SIGABRT ended. Mesa's software driver does that now and then when a
 * process that used it leaves; by then deno has written its closing line.
 */
const aborted = 134;

/** The totals in deno's closing line, or undefined where the run ended without one. */
export const readTotals = (
  output: string,
): { readonly passed: number; readonly failed: number } | undefined => {
  // deno-lint-ignore no-control-regex -- colours, on a terminal
  const plain = output.replaceAll(/\x1b\[[0-9;]*m/g, "");
  const lines = [...plain.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm)];
  const last = lines.at(-1);
  return last === undefined ? undefined : { passed: Number(last[1]), failed: Number(last[2]) };
};

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...permissions, ...(args.length > 0 ? args : ["tests/"])],
    stdout: "piped",
    env: Deno.stdout.isTerminal() ? { FORCE_COLOR: "1" } : {},
  }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  for await (const bytes of child.stdout) {
    output += decoder.decode(bytes, { stream: true });
    await Deno.stdout.write(bytes);
  }
  const { code } = await child.status;
  const totals = readTotals(output);
  const { passed, failed } = totals ?? { passed: 0, failed: 0 };
  if (code === aborted && totals?.failed === 0) {
    console.log("The driver aborted while the process left, after all tests had passed");
    console.log(`${passed} passed, 0 failed`);
    return 0;
  }
  const broken = code !== 0 && failed === 0;
  if (broken) console.log(`The test run itself failed, with exit status ${code}`);
  console.log(`${passed} passed, ${broken ? 1 : failed} failed`);
  return code;
};

if (import.meta.main) Deno.exit(await main(Deno.args));
