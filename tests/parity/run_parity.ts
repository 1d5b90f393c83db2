/**
 * Compares us with transformers and PEFT, live: remakes the goldens, runs ours on them, and sends
 * adapters and merged models both ways. Arguments: `[--json] [golden…]`; the table goes to stderr,
 * with `--json` one document to stdout. Python is `DELIA_PYTHON`, else `python3`.
 * @module
 */
import { openGpu } from "../../src/gpu/gpu.ts";
import { goldenNames } from "../models/golden.ts";
import { findPython, NoPython } from "./python.ts";
import { oursOnRemade, remake } from "./remade.ts";
import { adaptersOfOurs, adaptersOfPeft } from "./round_trips.ts";
import { holds, type Row, tableOf } from "./row.ts";

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const chosen = args.filter((arg) => arg !== "--json");
  const known = goldenNames();
  const unknown = chosen.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    console.error(`Expected a golden of ${known.join(", ")} but found ${unknown}`);
    return 1;
  }
  const names = chosen.length > 0 ? chosen : known;
  const python = await findPython();
  const versions = Object.entries(python.versions).map((pair) => pair.join(" ")).join(", ");
  console.error(`Comparing with ${versions}`);
  const gpu = await openGpu();
  const folder = await Deno.makeTempDir({ prefix: "delia_parity_" });
  const rows: Row[] = [];
  const take = (found: ReadonlyArray<Row>): void => void rows.push(...found);
  try {
    take(await remake(python, names, `${folder}/goldens`));
    take(await oursOnRemade(gpu, names, `${folder}/goldens`));
    take(await adaptersOfPeft(python, names, folder));
    take(await adaptersOfOurs(gpu, python, names, folder));
  } finally {
    gpu.close();
    await Deno.remove(folder, { recursive: true });
  }
  console.error(tableOf(rows));
  const over = rows.filter((row) => !holds(row)).length;
  console.error(`${rows.length - over} comparisons hold, ${over} do not`);
  if (args.includes("--json")) console.log(JSON.stringify({ versions: python.versions, rows }));
  return over === 0 ? 0 : 1;
};

if (import.meta.main) {
  Deno.exit(
    await main(Deno.args).catch((cause: unknown) => {
      if (!(cause instanceof NoPython)) throw cause;
      console.error(cause.message);
      return 1;
    }),
  );
}
