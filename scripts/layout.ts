/**
 * Checks the layout of src/: floors, imports that only lead down, and no circles, types included.
 *
 * Usage: deno run --allow-read scripts/layout.ts [ROOT]
 *
 * Prints each import that breaks a rule, with both files, and exits with 1 if there is any.
 *
 * @module
 */

/**
 * The floors, the lowest first, each with its folders and files. A file imports from its own folder, with
 * the folders in that, or from a lower floor.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ["src/sys"],
  ["src/packet", "src/vrouter", "src/kernel"],
  ["src/recording", "src/probe", "src/cli"],
  ["src/trace", "src/check"],
  ["src/output", "mod.ts"],
  ["src/commands", "src/version.ts"],
  ["src/main.ts"],
];

/** Output of scripts/build. */
const BUILT = "build/";

/** Packages, and the only folder that may import them. */
const PACKAGES: Readonly<Record<string, string>> = { commander: "src/cli" };

/** One file's import of another. */
interface Import {
  /** Path from the root; a specifier that is not a path is kept as is. */
  readonly to: string;
  /** False for types, which are erased at run time. */
  readonly atRunTime: boolean;
  /** import(), which loads when called. */
  readonly dynamic: boolean;
}

/** What files import, by their path from the root. */
type Imports = ReadonlyMap<string, readonly Import[]>;

const COMMENTS = /\/\*.*?\*\/|^\s*\/\/.*?$/gms;
/** `import … from "x"`, `import "x"`, `export … from "x"`. */
const STATIC = /^(?:import|export)\b(\s+type\b)?([^"';()]*?\bfrom)?\s*"([^"]+)"/gm;
const DYNAMIC = /(\btypeof\s+)?\bimport\(\s*"([^"]+)"/g;

/** The imports in the text of the file at `path`. */
export function importsIn(path: string, text: string): Import[] {
  const code = text.replaceAll(COMMENTS, "");
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const resolve = (specifier: string): string =>
    specifier.startsWith(".")
      ? new URL(folder + specifier, "file:///").pathname.slice(1)
      : specifier;
  return [
    ...[...code.matchAll(STATIC)].map(([, type, names = "", specifier]) => ({
      to: resolve(specifier!),
      atRunTime: type === undefined && !/^\s*\{(?:\s*type\s[^,}]*,?)+\s*\}\s*from$/.test(names),
      dynamic: false,
    })),
    ...[...code.matchAll(DYNAMIC)].map(([, type, specifier]) => ({
      to: resolve(specifier!),
      atRunTime: type === undefined,
      dynamic: true,
    })),
  ];
}

/** The imports of all TypeScript files in `folders`, which can be files, below `root`. */
function readImports(root: string, folders: readonly string[]): Imports {
  const imports = new Map<string, Import[]>();
  const read = (path: string): void => {
    if (path.endsWith(".ts")) {
      imports.set(path, importsIn(path, Deno.readTextFileSync(`${root}/${path}`)));
    } else {
      const entries = [...Deno.readDirSync(`${root}/${path}`)];
      const wanted = entries.filter(({ name, isDirectory }) => isDirectory || name.endsWith(".ts"));
      for (const name of wanted.map(({ name }) => name).sort()) read(`${path}/${name}`);
    }
  };
  for (const folder of folders) read(folder);
  return imports;
}

/** The folder of a floor, or the file on it, that `path` is in; and the number of the floor, from 0. */
function placeOf(path: string): { floor: number; folder: string } | null {
  for (const [floor, folders] of FLOORS.entries()) {
    const folder = folders.find((folder) => path === folder || path.startsWith(`${folder}/`));
    if (folder !== undefined) return { floor, folder };
  }
  return null;
}

/** Imports that lead up, sideways, or to where only one folder may import from. */
function misplaced(imports: Imports): string[] {
  return [...imports].flatMap(([from, imported]) => {
    const place = placeOf(from);
    if (place === null) return [`${from} is on no floor`];
    return imported.flatMap(({ to }) => {
      if (to.startsWith(BUILT)) return [];
      if (!imports.has(to)) {
        return PACKAGES[to] === place.folder ? [] : [`${from} imports ${to}, which is not of src/`];
      }
      const target = placeOf(to);
      if (target === null || target.folder === place.folder) return [];
      if (target.floor < place.floor) return [];
      const way = target.floor === place.floor ? "sideways" : "upwards";
      return [`${from} imports ${way}: ${to}`];
    });
  });
}

/** Circles of imports, each once, with all of their files. */
function circles(imports: Imports): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      found.push(`Circle: ${[...path.slice(at), file].join(" -> ")}`);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const { to } of imports.get(file) ?? []) visit(to);
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) visit(file);
  return found;
}

/** Chains from `files` to what only a build makes, without which they could not be loaded. */
function needsBuild(imports: Imports, files: readonly string[]): string[] {
  const chains = new Map<string, string | null>();
  const chainFrom = (file: string): string | null => {
    if (file.startsWith(BUILT)) return file;
    const known = chains.get(file);
    if (known !== undefined) return known;
    chains.set(file, null);
    for (const { to, atRunTime, dynamic } of imports.get(file) ?? []) {
      if (!atRunTime || dynamic) continue;
      const rest = chainFrom(to);
      if (rest === null) continue;
      chains.set(file, `${file} -> ${rest}`);
      break;
    }
    return chains.get(file)!;
  };
  return files.flatMap((file) => {
    const chain = chainFrom(file);
    return chain === null ? [] : [`Cannot be loaded before a build: ${chain}`];
  });
}

/**
 * What breaks the rules below `root`: arrows that lead up or sideways, circles, and tests or the library
 * that need a build to be loaded.
 */
export function violations(root: string): string[] {
  const sources = readImports(root, ["src", "mod.ts"]);
  const all = new Map([...sources, ...readImports(root, ["tests"])]);
  const loaded = ["mod.ts", ...[...all.keys()].filter((path) => path.endsWith("_test.ts"))];
  return [...misplaced(sources), ...circles(all), ...needsBuild(all, loaded)];
}

if (import.meta.main) {
  const found = violations(Deno.args[0] ?? new URL("..", import.meta.url).pathname);
  for (const line of found) console.error(line);
  Deno.exit(found.length === 0 ? 0 : 1);
}
