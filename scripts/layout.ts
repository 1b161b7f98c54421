/**
 * Checks the layering of src/: imports only go down, without cycles, types included.
 *
 * Usage: deno run --allow-read scripts/layout.ts [ROOT]
 *
 * Prints each import that breaks a rule, with both files, and exits with 1 if there is any.
 *
 * @module
 */

/**
 * The levels, the lowest first, each with its folders and files. A file may import from its own folder,
 * including subfolders, and from lower levels.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ["src/sys"],
  ["src/packet", "src/vrouter", "src/kernel"],
  ["src/probe", "src/cli"],
  ["src/recording"],
  ["src/trace", "src/check"],
  ["src/output", "mod.ts"],
  ["src/commands", "src/page", "src/version.ts"],
  ["src/main.ts"],
];

/** Output of scripts/build. */
const BUILT = "build/";

/** Packages, and modules of Node, each with the only folder that may import it. */
const PACKAGES: Readonly<Record<string, string>> = {
  commander: "src/cli",
  preact: "src/page",
  "preact/hooks": "src/page",
  uplot: "src/page",
  "node:zlib": "src/recording",
};

/** An import. */
interface Import {
  /** Path from the root; a specifier that is not a path is kept as is. */
  readonly to: string;
  /** False for type imports, which are erased. */
  readonly atRunTime: boolean;
  /** Whether it is an import() call. */
  readonly dynamic: boolean;
}

/** The imports of each file, by its path from the root. */
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

/** The imports of all TypeScript files in `folders`, folders or files below `root`. */
function readImports(root: string, folders: readonly string[]): Imports {
  const imports = new Map<string, Import[]>();
  const read = (path: string): void => {
    if (isSource(path)) {
      imports.set(path, importsIn(path, Deno.readTextFileSync(`${root}/${path}`)));
    } else {
      const entries = [...Deno.readDirSync(`${root}/${path}`)];
      const wanted = entries.filter(({ name, isDirectory }) => isDirectory || isSource(name));
      for (const name of wanted.map(({ name }) => name).sort()) read(`${path}/${name}`);
    }
  };
  for (const folder of folders) read(folder);
  return imports;
}

/** TypeScript, also with markup in it. */
function isSource(name: string): boolean {
  return /\.tsx?$/.test(name);
}

/** The level of `path`, numbered from 0, and the folder or file in it. */
function placeOf(path: string): { floor: number; folder: string } | null {
  for (const [floor, folders] of FLOORS.entries()) {
    const folder = folders.find((folder) => path === folder || path.startsWith(`${folder}/`));
    if (folder !== undefined) return { floor, folder };
  }
  return null;
}

/** Imports that go up or sideways, or of packages that only another folder may import. */
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

/** Import cycles, each once, with all of their files. */
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

/** Import chains from `files` to files that exist only after a build. */
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
 * All violations below `root`: imports that go up or sideways, cycles, and tests or a library that cannot
 * be loaded without a build.
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
