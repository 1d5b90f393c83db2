/** Which modules an `adapter_config.json` adapts: by name or pattern, in all layers or in some. @module */
import { isPattern } from "./peft_patterns.ts";

/** The fields that choose modules, as PEFT names them. */
export interface Targets {
  /** Last names or whole paths of modules, or one pattern of whole paths. */
  readonly target_modules: string | ReadonlyArray<string> | null;
  readonly exclude_modules: string | ReadonlyArray<string> | null;
  /** Layers of the modules given by last names; all where it is null or empty. */
  readonly layers_to_transform: number | ReadonlyArray<number> | null;
  /** What stands before the layer's number in a path (`layers`); anything, where null or empty. */
  readonly layers_pattern: string | ReadonlyArray<string> | null;
}

/** Every linear, whatever its name. */
const allLinear = "all-linear";

/** Whether a module may be adapted in one layer and not in another. */
export const choosesLayers = (targets: Targets): boolean => {
  const { target_modules: modules, exclude_modules, layers_to_transform } = targets;
  const byModule = typeof modules === "string"
    ? modules !== allLinear
    : (modules ?? []).some((name) => name.includes("."));
  return byModule || [exclude_modules, layers_to_transform].some((it) => listed(it).length > 0);
};

/**
 * Whether PEFT 0.21.2 adapts the module at `path` (`check_target_module_exists`). A pattern that does
 * not mean the same here as in Python leaves nothing out.
 */
export const isTarget = (
  { target_modules, exclude_modules, layers_to_transform, layers_pattern }: Targets,
  path: string,
): boolean => {
  if (exclude_modules !== null && names(exclude_modules, path, false)) return false;
  if (target_modules === null || target_modules === allLinear) return true;
  if (!names(target_modules, path, true)) return false;
  const layers = listed(layers_to_transform);
  if (typeof target_modules === "string" || target_modules.includes(path) || layers.length === 0) {
    return true;
  }
  const numbers = listed(layers_pattern).map((pattern) => `^(?:.*?\\.)?${pattern}\\.(\\d+)\\.`);
  if (!numbers.every(isPattern)) return true;
  // Without a number a module belongs to no layer.
  return (numbers.length > 0 ? numbers : [String.raw`^.*?\.[^.]*\.(\d+)\.`])
    .map((pattern) => new RegExp(pattern).exec(path)?.[1])
    .some((number) => number !== undefined && layers.includes(Number(number)));
};

const names = (
  modules: string | ReadonlyArray<string>,
  path: string,
  unless: boolean,
): boolean => {
  if (typeof modules !== "string") {
    return modules.some((name) => path === name || path.endsWith(`.${name}`));
  }
  if (modules === "") return false;
  return isPattern(modules) ? new RegExp(`^(?:${modules})$`).test(path) : unless;
};

const listed = <A>(value: A | ReadonlyArray<A> | null): ReadonlyArray<A> =>
  value === null || value === "" ? [] : Array.isArray(value) ? value : [value as A];
