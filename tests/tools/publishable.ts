/**
 * Proves that the package can be published: the registry refuses text imports, so a copy of the tracked
 * tree gets each kernel as a string module, and `deno publish --dry-run` runs there.
 * @module
 */

const textImport = /^import (\w+) from "([^"]+\.wgsl)" with \{\s*type: "text",?\s*\};$/gm;

/** The source with each import of a kernel's text replaced by an import of a string module beside it. */
export const importStrings = (source: string): string =>
  source.replaceAll(textImport, (_, name, path) => `import ${name} from "${path}.ts";`);

/** The string module that stands in for a kernel. */
export const stringModule = (name: string, text: string): string =>
  `/** The source of \`${name}\`. @module */\nconst source: string = ${
    JSON.stringify(text)
  };\nexport default source;\n`;

const main = async (): Promise<number> => {
  const { stdout } = await new Deno.Command("git", { args: ["ls-files", "-z"] }).output();
  const tracked = new TextDecoder().decode(stdout).split("\0").filter((path) => path !== "");
  const tree = await Deno.makeTempDir({ prefix: "publishable_" });
  try {
    for (const path of tracked) {
      const target = `${tree}/${path}`;
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      if (path.endsWith(".ts")) {
        await Deno.writeTextFile(target, importStrings(await Deno.readTextFile(path)));
      } else await Deno.copyFile(path, target);
      if (path.endsWith(".wgsl")) {
        await Deno.writeTextFile(`${target}.ts`, stringModule(path, await Deno.readTextFile(path)));
      }
    }
    const publish = ["publish", "--dry-run", "--allow-dirty", "--quiet"];
    const { code } = await new Deno.Command(Deno.execPath(), { args: publish, cwd: tree })
      .spawn().status;
    const left = tracked.filter((path) => /^(src\/.*|mod)\.ts$/.test(path))
      .filter((path) => / with \{ type: "text" \}/.test(Deno.readTextFileSync(`${tree}/${path}`)));
    if (left.length > 0) console.error(`Text imports are left in ${left.join(", ")}`);
    return left.length > 0 ? 1 : code;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
};

if (import.meta.main) Deno.exit(await main());
