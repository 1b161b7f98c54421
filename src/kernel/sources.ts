/**
 * Reads the input of discovery: BTF of the kernel and its modules, kallsyms, and the functions that
 * ftrace can trace.
 *
 * @module
 */

import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import { digestOf, type ProgramCache } from "../sys/program_cache.ts";
import { Btf, BtfError } from "./btf.ts";
import { isModuleFile, MAX_BTF_FILE_BYTES, otherKind, readBtfFile, unpacked } from "./btf_file.ts";
import { otherKernelsStruct, requireFit } from "./btf_fit.ts";
import { type ModuleBtf, type Survey, surveyed, type SurveyInput, VROUTER } from "./functions.ts";
import { later, recorded } from "./later_btf.ts";
import type { LeftOutModule } from "./left_out.ts";
import { type KernelMounts, MOUNTS, runningKernel } from "./running_kernel.ts";
import { keepSurvey, type KeptSurvey, readSurvey } from "./survey_cache.ts";
import { VMLINUX } from "./symbols.ts";

/** The user's choices, from the command line options of the same names. */
export interface SourceOptions {
  /** BTF of the kernel; `null` for the running kernel's own. */
  readonly kernelBtf: string | null;
  /** BTF of the vrouter module; `null` for the default places. */
  readonly vrouterBtf: string | null;
  /** False to ignore vrouter's BTF even if there is some. */
  readonly vrouter: boolean;
}

/** Where the input is read from. */
export interface SourcePaths {
  /** Directory with `vmlinux` and a file for each module with BTF (5.11). */
  readonly btf: string;
  /** BTF of vrouter if the kernel has none; trusted only if nobody but root can write it. */
  readonly vrouterBtf: string;
  readonly kallsyms: string;
  /** Places of available_filter_functions; the first readable one is used. */
  readonly filterFunctions: readonly string[];
}

/** The paths on a running system. */
export const SYSTEM_PATHS: SourcePaths = {
  btf: "/sys/kernel/btf",
  vrouterBtf: "/tmp/vrouter.btf",
  kallsyms: "/proc/kallsyms",
  filterFunctions: [
    "/sys/kernel/tracing/available_filter_functions",
    "/sys/kernel/debug/tracing/available_filter_functions",
  ],
};

/** What was read. */
export interface KernelSources extends SurveyInput {
  /** What is known of them; with that, both lists are `null`. */
  readonly survey?: Survey | null;
  /** The kernel's own BTF, which is also among the modules. */
  readonly kernel: Btf;
  /** File that the kernel's BTF came from. */
  readonly kernelBtf: string;
  /** File that vrouter's BTF came from; `null` if there is none, or it is not needed. */
  readonly vrouterBtf: string | null;
  /** What could not be read, and the consequences, for the user. */
  readonly warnings: readonly string[];
  /** The warning on why vrouter's BTF in its default place is ignored; else `null`. */
  readonly vrouterBtfIgnored: string | null;
  /** What else could not be read, for a debug log. */
  readonly notes: readonly string[];
}

/**
 * Reads all sources. The kernel needs a quarter of a second to print each of its two long lists on a
 * slow machine, so they are read concurrently on other threads while BTF is parsed.
 *
 * @throws {Failure} if the BTF of the kernel cannot be read or used, or that of vrouter if a file was
 * given or the module is loaded. Anything else missing is a warning or a note; a module with unusable
 * BTF is left out.
 */
export async function readSources(
  options: SourceOptions,
  paths: SourcePaths = SYSTEM_PATHS,
): Promise<KernelSources> {
  const warnings: string[] = [];
  const notes: string[] = [];
  const lists = Promise.all([
    readFirst("function addresses", [paths.kallsyms], "", warnings),
    readFirst(
      "the functions that ftrace can trace",
      paths.filterFunctions,
      "; this needs root, and tracefs: mount -t tracefs nodev /sys/kernel/tracing",
      warnings,
    ),
  ]);

  const kernel = await readKernel(options, paths);
  const modules: ModuleBtf[] = [{ module: VMLINUX, btf: kernel }];
  const leftOut: LeftOutModule[] = [];
  modules.push(...await readModules(paths.btf, kernel, leftOut, notes));
  const { vrouter, ...described } = await readDescribed(kernel, options, paths);
  if (vrouter !== null) modules.push({ module: VROUTER, btf: vrouter });
  const [kallsyms, filterFunctions] = await lists;
  return {
    ...described,
    modules,
    leftOut,
    kallsyms,
    filterFunctions,
    warnings: [...warnings, ...described.warnings],
    notes,
  };
}

/** What to keep from one start to the next, and where. */
export interface Keeping {
  readonly cache: ProgramCache;
  /** Receives why nothing can be kept. */
  readonly debug: (message: string) => void;
  /** Asks what a later start is to know without reading BTF; nothing by default. */
  readonly ask?: (kernel: Btf, vrouter: Btf | null) => void;
  /** The system's by default. */
  readonly mounts?: KernelMounts;
}

/**
 * As {@linkcode readSources}, but with the {@linkcode KernelSources.survey}, and without reading what that was
 * made of if it is known from an earlier start.
 *
 * @param keeping `null` to keep nothing
 * @throws {Failure} as {@linkcode readSources}, and if the BTF of the kernel or of vrouter is damaged
 */
export async function readSurveyed(
  options: SourceOptions,
  keeping: Keeping | null,
  paths: SourcePaths = SYSTEM_PATHS,
): Promise<KernelSources> {
  const key = keeping && await surveyKey(options, paths, keeping);
  if (keeping === null || key === null) return await readSources(options, paths);
  const kept = await readSurvey(keeping.cache, key);
  if (kept !== null) return await sourcesOf(kept, options, paths);
  const sources = await readSources(options, paths);
  const survey = surveyed(sources);
  const answers = answersOf(sources, keeping);
  // Otherwise a module has come or gone meanwhile.
  if (key === await surveyKey(options, paths, keeping)) {
    const modules = sources.modules.map(({ module }) => module);
    try {
      await keepSurvey(keeping.cache, key, { survey, modules, notes: sources.notes, ...answers });
    } catch (cause) {
      keeping.debug(`Cannot keep what was found for the next start: ${reasonOf(cause)}`);
    }
  }
  return {
    ...sources,
    // They have been asked already.
    kernel: later(() => sources.kernel, answers.kernel),
    modules: sources.modules.map(({ module, btf }) => ({
      module,
      btf: module === VROUTER ? later(() => btf, answers.vrouter) : btf,
    })),
    survey,
  };
}

/**
 * Names everything that a survey depends on; `null` if that is not known. Not kept with another BTF of the
 * kernel.
 */
async function surveyKey(
  { kernelBtf, vrouterBtf, vrouter }: SourceOptions,
  paths: SourcePaths,
  { mounts = MOUNTS }: Keeping,
): Promise<string | null> {
  const running = kernelBtf === null ? runningKernel(mounts) : null;
  if (running === null) return null;
  try {
    const kernel = identityOf(`${paths.btf}/${VMLINUX}`);
    // What may be read can change, as by lockdown: it is not enough that it was read once.
    Deno.openSync(paths.kallsyms).close();
    const lists = paths.filterFunctions.find(canOpen);
    if (lists === undefined) return null;
    const module = vrouter ? await vrouterIdentity(vrouterBtf, paths) : "";
    return module === null ? null : JSON.stringify({ running, kernel, lists, module });
  } catch {
    return null;
  }
}

/** `null` without BTF of vrouter: why there is none is in the lists. */
async function vrouterIdentity(
  vrouterBtf: string | null,
  paths: SourcePaths,
): Promise<readonly unknown[] | null> {
  const found = await readVrouter({ vrouterBtf }, paths);
  if (found === null || typeof found === "string") return null;
  const { path, bytes } = found;
  if (path === loadedVrouter(paths)) return [path, identityOf(path)];
  return [path, await digestOf(bytes)];
}

function identityOf(path: string): readonly (number | null)[] {
  const { dev, ino, size } = Deno.statSync(path);
  return [dev, ino, size];
}

function canOpen(path: string): boolean {
  try {
    Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}

/** What is asked of both. */
function answersOf(
  { kernel, modules }: KernelSources,
  { ask }: Keeping,
): Pick<KeptSurvey, "kernel" | "vrouter"> {
  const answers = { kernel: {}, vrouter: {} };
  const vrouter = modules.find(({ module }) => module === VROUTER)?.btf;
  ask?.(recorded(kernel, answers.kernel), vrouter ? recorded(vrouter, answers.vrouter) : null);
  return answers;
}

/** What was surveyed. Its BTF is read when it is used: all of it could be read then. */
async function sourcesOf(
  { survey, modules, notes, ...answers }: KeptSurvey,
  options: SourceOptions,
  paths: SourcePaths,
): Promise<KernelSources> {
  const loaded = loadedVrouter(paths);
  const read = (owner: string, path: string, base?: Btf): Btf =>
    useBtf(owner, path, Deno.readFileSync(path), base?.itself);
  const kernel = later(() => read("the kernel", `${paths.btf}/${VMLINUX}`), answers.kernel);
  const given = options.vrouter && !(await exists(loaded) && options.vrouterBtf === null)
    ? await readDescribed(kernel, options, paths)
    : null;
  const btfOf = (module: string): Btf => {
    if (module === VMLINUX) return kernel;
    if (module === VROUTER && given?.vrouter) return given.vrouter;
    const known = module === VROUTER ? answers.vrouter : {};
    return later(() => read(module, `${paths.btf}/${module}`, kernel), known);
  };
  return {
    kernelBtf: kernelPath(options, paths),
    vrouterBtf: options.vrouter ? loaded : null,
    vrouterBtfIgnored: null,
    warnings: [],
    ...given,
    kernel,
    modules: modules.map((module) => ({ module, btf: btfOf(module) })),
    leftOut: survey.leftOut,
    kallsyms: null,
    filterFunctions: null,
    survey,
    notes,
  };
}

/**
 * Modules whose BTF has the numbers that types have in the running kernel, among them that itself: what
 * comes from another file may be numbered otherwise.
 */
export function numberedModules(
  { kernelBtf, vrouterBtf, modules }: Pick<KernelSources, "kernelBtf" | "vrouterBtf" | "modules">,
  paths: SourcePaths = SYSTEM_PATHS,
): ReadonlySet<string> {
  if (kernelBtf !== `${paths.btf}/${VMLINUX}`) return new Set();
  const names = modules.map(({ module }) => module);
  return new Set(
    names.filter((module) => module !== VROUTER || vrouterBtf === loadedVrouter(paths)),
  );
}

/** The BTF of the kernel and of vrouter. */
export interface DescribedKernel
  extends Pick<KernelSources, "kernel" | "kernelBtf" | "vrouterBtf" | "warnings"> {
  /** `null` if there is none, or it is not needed. */
  readonly vrouter: Btf | null;
  /** As in {@linkcode KernelSources}. */
  readonly vrouterBtfIgnored: string | null;
}

/**
 * Reads the BTF of the kernel and of vrouter, and nothing else, which takes a fraction of the time.
 *
 * @throws {Failure} as {@linkcode readSources}
 */
export async function readBtfOnly(
  options: SourceOptions,
  paths: SourcePaths = SYSTEM_PATHS,
): Promise<DescribedKernel> {
  return await readDescribed(await readKernel(options, paths), options, paths);
}

function kernelPath({ kernelBtf }: SourceOptions, paths: SourcePaths): string {
  return kernelBtf ?? `${paths.btf}/${VMLINUX}`;
}

async function readKernel(options: SourceOptions, paths: SourcePaths): Promise<Btf> {
  const path = kernelPath(options, paths);
  const hint = options.kernelBtf === null
    ? "; the kernel needs CONFIG_DEBUG_INFO_BTF, or pass a file to --kernel-btf"
    : "";
  return useBtf("the kernel", path, await readBtf("the kernel", path, hint));
}

async function readDescribed(
  kernel: Btf,
  options: SourceOptions,
  paths: SourcePaths,
): Promise<DescribedKernel> {
  const found = options.vrouter ? await readVrouter(options, paths) : null;
  const ignored = typeof found === "string" ? found : null;
  const warnings = ignored === null ? [] : [ignored];
  const described = { kernel, kernelBtf: kernelPath(options, paths), vrouterBtfIgnored: ignored };
  if (found === null || typeof found === "string") {
    return { ...described, vrouter: null, vrouterBtf: null, warnings };
  }
  const { path, bytes } = found;
  const vrouter = useBtf(VROUTER, path, bytes, kernel);
  requireVrouterFit(vrouter, path, options);
  const struct = otherKernelsStruct(vrouter, kernel);
  if (struct !== null) {
    warnings.push(
      `"${
        printable(path)
      }" was built for another kernel: its ${struct} has another size, so the trace ` +
        "may be wrong; rebuild it from the loaded module: pahole -J vrouter.ko",
    );
  }
  return { ...described, vrouter, vrouterBtf: path, warnings };
}

/** BTF of all loaded modules but vrouter's. @param leftOut receives those with unusable BTF, sorted */
async function readModules(
  directory: string,
  kernel: Btf,
  leftOut: LeftOutModule[],
  notes: string[],
): Promise<ModuleBtf[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (name !== VMLINUX && name !== VROUTER) names.push(name);
    }
  } catch (cause) {
    notes.push(`Cannot list the modules with BTF in "${printable(directory)}": ${reasonOf(cause)}`);
  }
  const modules = await Promise.all(
    names.sort().map(async (module): Promise<ModuleBtf | LeftOutModule> => {
      try {
        const btf = Btf.parse(await Deno.readFile(`${directory}/${module}`), kernel);
        requireFit(btf);
        return { module, btf };
      } catch (cause) {
        return { module, reason: reasonOf(cause) };
      }
    }),
  );
  leftOut.push(...modules.filter((module) => "reason" in module));
  return modules.filter((module) => "btf" in module);
}

/** @throws {Failure} if vrouter's BTF was made for another kernel, with advice */
function requireVrouterFit(btf: Btf, path: string, { kernelBtf, vrouterBtf }: SourceOptions): void {
  try {
    requireFit(btf);
  } catch (cause) {
    if (!(cause instanceof BtfError)) throw cause;
    const advice = kernelBtf !== null
      ? `"${printable(kernelBtf)}" must be the BTF of the kernel it was built for`
      : vrouterBtf !== null
      ? "make it from the loaded module: pahole -J vrouter.ko"
      : "rebuild the module for the running kernel, or pass standalone BTF of it to --vrouter-btf " +
        "(pahole -J vrouter.ko)";
    throw new Failure(
      "btf",
      `Cannot use "${printable(path)}" as the BTF of ${VROUTER}: ${cause.message}; ${advice}`,
      { cause },
    );
  }
}

/** BTF of the loaded module. */
function loadedVrouter({ btf }: SourcePaths): string {
  return `${btf}/${VROUTER}`;
}

/**
 * vrouter's BTF: the given file, else the loaded module's, else the trusted one in /tmp, or why that is
 * ignored.
 */
async function readVrouter(
  { vrouterBtf }: Pick<SourceOptions, "vrouterBtf">,
  paths: SourcePaths,
): Promise<{ path: string; bytes: Uint8Array<ArrayBuffer> } | string | null> {
  const loaded = loadedVrouter(paths);
  const path = vrouterBtf ?? (await exists(loaded) ? loaded : null);
  if (path !== null) return { path, bytes: await readBtf(VROUTER, path, "") };
  try {
    return { path: paths.vrouterBtf, bytes: await readTrusted(paths.vrouterBtf) };
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    return `Ignoring "${printable(paths.vrouterBtf)}": ${reasonOf(cause)}`;
  }
}

async function readBtf(
  owner: string,
  path: string,
  hint: string,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readBtfFile(path);
  } catch (cause) {
    throw new Failure(
      "btf",
      `Cannot read the BTF of ${owner} from "${printable(path)}": ${reasonOf(cause)}${hint}`,
      { cause },
    );
  }
}

/** @param base absent for the kernel itself */
function useBtf(owner: string, path: string, bytes: Uint8Array, base?: Btf): Btf {
  try {
    if (base === undefined && isModuleFile(bytes)) throw new BtfError("It is a module");
    return Btf.parse(bytes, base);
  } catch (cause) {
    if (!(cause instanceof BtfError)) throw cause;
    throw new Failure(
      "btf",
      `Cannot use "${printable(path)}" as the BTF of ${owner}: ${
        otherKind(bytes) ?? cause.message
      }`,
      { cause },
    );
  }
}

/**
 * Why a file in a world-writable directory must not be trusted.
 *
 * @returns `null` if nobody but root can change its contents
 */
export function distrust(
  info: Pick<Deno.FileInfo, "isFile" | "uid" | "mode" | "size">,
): string | null {
  if (!info.isFile) return "it is not a regular file";
  if (info.uid !== 0) return "it is not owned by root";
  // S_IWGRP and S_IWOTH
  if (info.mode === null || (info.mode & 0o022) !== 0) return "it is writable by others than root";
  return info.size > MAX_BTF_FILE_BYTES ? "it is larger than 2 GiB" : null;
}

/**
 * Reads a file owned by root. It is checked before opening, because opening a pipe or a device has side
 * effects, and again after opening, because that is the file being read.
 */
async function readTrusted(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const before = await Deno.lstat(path);
  const reason = distrust(before);
  if (reason !== null) throw new Failure("btf", reason);
  const file = await Deno.open(path);
  try {
    const opened = await file.stat();
    if (opened.dev !== before.dev || opened.ino !== before.ino || distrust(opened) !== null) {
      throw new Failure("btf", "it changed while it was being opened");
    }
    return await unpacked(await new Response(file.readable).bytes());
  } finally {
    file[Symbol.dispose]();
  }
}

/** The contents of the first readable one of `paths`; else `null`, with a warning. */
async function readFirst(
  what: string,
  paths: readonly string[],
  hint: string,
  warnings: string[],
): Promise<Uint8Array | null> {
  const reasons: string[] = [];
  for (const path of paths) {
    try {
      return await Deno.readFile(path);
    } catch (cause) {
      reasons.push(`"${printable(path)}": ${reasonOf(cause)}`);
    }
  }
  warnings.push(`Cannot read ${what} from ${reasons.join(", ")}${hint}`);
  return null;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}
