/**
 * Measures a LoRA step against the adapter's FMA rate and copy bandwidth, prints it, writes an HTML page
 * and adds the figures to `bench/results`:
 *
 *     deno task bench:roofline [--quick] [--out FILE] [fixture|stack]
 *
 * The page is `runs/roofline.html` unless told. `fixture` is the model of `deno task train`, `stack` four layers of SmolLM2-135M's.
 *
 * @module
 */
import { Effect } from "effect";
import { presets } from "../src/config/presets.ts";
import { markup } from "../src/report/html.ts";
import { page } from "../src/report/page.ts";
import { rooflineSection } from "../src/report/roofline.ts";
import { rooflineText } from "../src/report/roofline_text.ts";
import { llama } from "../src/models/llama.ts";
import { randomWeights } from "../src/models/random_weights.ts";
import { measureStep, type Roofline, type Workload } from "../src/roofline/measure_step.ts";
import { totalBytes } from "../src/roofline/minimum_bytes.ts";
import { stepOptions } from "./support/fixture_step.ts";
import { appendResults, thisPlace } from "./support/place.ts";

/** A model by its `config.json`, and how it is trained. */
interface Named extends Pick<Workload, "name" | "sequences" | "length"> {
  readonly config: Readonly<Record<string, unknown>>;
  readonly rank: number;
}

const workloads: Readonly<Record<string, Named>> = {
  fixture: {
    name: "the fixture's model",
    config: {
      vocab_size: 256,
      hidden_size: 128,
      intermediate_size: 512,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      max_position_embeddings: 256,
    },
    rank: presets["fixture"]!.lora!.rank!,
    sequences: 16,
    length: 32,
  },
  stack: {
    name: "four layers of SmolLM2-135M",
    config: {
      vocab_size: 512,
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 4,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      max_position_embeddings: 256,
    },
    rank: 8,
    sequences: 4,
    length: 256,
  },
};

const workloadOf = ({ config, rank, ...rest }: Named): Workload => {
  const shape = Effect.runSync(llama.decode(config));
  const targetModules = llama.linears(shape, 0)
    .flatMap(({ parts }) => parts.map(({ module }) => module));
  return {
    ...rest,
    ...{ architecture: llama, shape, weights: randomWeights(llama, shape, 1), storage: "f32" },
    lora: { rank, alpha: rank, dropout: 0, rsLora: false, targetModules },
    optimizer: stepOptions.optimizer,
    gradientCheckpointing: false,
  };
};

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const rest = args.filter((arg) => arg !== "--quick");
  const quick = rest.length < args.length;
  const at = rest.indexOf("--out");
  const [, out = "runs/roofline.html"] = at < 0 ? [] : rest.splice(at, 2);
  const [name = "fixture", ...more] = rest;
  const workload = workloads[name];
  if (!workload || more.length > 0) {
    const known = Object.keys(workloads).join(" or ");
    console.error(`Expected --quick, --out FILE and ${known} but found ${rest.join(" ")}`);
    return 1;
  }
  const place = await thisPlace();
  const roofline = await Effect.runPromise(measureStep(workloadOf(workload), quick ? 1 : 9));
  console.log(rooflineText(roofline));
  const { date, commit, driver } = place;
  const folder = out.slice(0, Math.max(0, out.lastIndexOf("/")));
  if (folder !== "") await Deno.mkdir(folder, { recursive: true });
  const section = await Effect.runPromise(rooflineSection(roofline));
  const about = markup`<p class="soft">${
    driver ?? "driver unknown"
  }, ${date}, commit ${commit}</p>`;
  await Deno.writeTextFile(out, page("Roofline of a training step", markup`${section}${about}`));
  console.error(`The page is in ${out}`);
  if (quick) return 0;
  const file = await appendResults(
    place,
    rooflineLines(roofline).map((line) => ({ ...place, ...line })),
  );
  console.error(`The figures are added to ${file}`);
  return 0;
};

/** Lines of a results file, without the place. */
const rooflineLines = (roofline: Roofline): ReadonlyArray<object> => {
  const round = (value: number): number => Number(value.toPrecision(4));
  const runtime = `Deno/${Deno.version.deno} ${Deno.build.target}`;
  const group = `roofline ${roofline.step.name}`;
  const { ceilings, minimum } = roofline;
  return [
    { runtime, group, name: "fma_rate", gflop_s: round(ceilings.flops / 1e9) },
    { runtime, group, name: "copy_bandwidth", gb_s: round(ceilings.bytes / 1e9) },
    {
      ...{ runtime, group, name: "step" },
      median_ms: round(roofline.stepMilliseconds),
      host_ms: round(roofline.hostMilliseconds),
      tokens_s: round(roofline.tokens / roofline.stepMilliseconds * 1000),
      dispatches: roofline.dispatches,
      submissions: roofline.submissions,
      peak_bytes: roofline.peakBytes,
      minimum_bytes: totalBytes(minimum),
    },
    ...roofline.kernels.map(({ kernel, dispatches, milliseconds, flops, bytes }) => ({
      ...{ runtime, group, name: kernel, dispatches, median_ms: round(milliseconds) },
      ...flops === undefined ? {} : { gflop_s: round(flops / 1e9) },
      gb_s: round(bytes / 1e9),
    })),
  ];
};

if (import.meta.main) Deno.exit(await main(Deno.args));
