/**
 * Discovery: which functions take a packet and can be traced, and why the others cannot.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { type Btf, BtfError } from "./btf.ts";
import { whyNoTrampoline } from "./trampoline_prototype.ts";
import { denial } from "./deny_list.ts";
import { matcher } from "./glob.ts";
import type { LeftOutModule } from "./left_out.ts";
import {
  isOnStack,
  type PacketFunction,
  type SkippedFunction,
  whyOnStack,
} from "./packet_function.ts";
import { type PacketParameter, Prototypes } from "./prototypes.ts";
import {
  findSymbols,
  findTraceable,
  listsModule,
  moduleFunctions,
  type SymbolLine,
  VMLINUX,
} from "./symbols.ts";

/** The BTF of the kernel or of one module. */
export interface ModuleBtf {
  /** `vmlinux`, or the name of the module as in kallsyms. */
  readonly module: string;
  readonly btf: Btf;
}

/** Input of a survey. */
export interface SurveyInput {
  /** Each module once. */
  readonly modules: readonly ModuleBtf[];
  /** Modules whose BTF could not be read. */
  readonly leftOut: readonly LeftOutModule[];
  /** Contents of /proc/kallsyms; `null` if unreadable. */
  readonly kallsyms: Uint8Array | null;
  /** Contents of available_filter_functions; `null` if unreadable. */
  readonly filterFunctions: Uint8Array | null;
  /** Names of the functions to look for; all by default. */
  readonly only?: ReadonlySet<string>;
}

/** Input of discovery. */
export interface DiscoveryInput extends SurveyInput {
  /** What {@linkcode surveyed} makes of the above, if it is known already: they are not read then. */
  readonly survey?: Survey | null;
  /** Globs of names to keep; none keeps all. */
  readonly functions: readonly string[];
  /** Globs of names to exclude, which win. */
  readonly excludes: readonly string[];
  /** Names of the kernel's functions to find whatever the globs say. */
  readonly also?: readonly string[];
  /** Whether functions can have trampolines, which alone reach a packet on the stack; no by default. */
  readonly trampolines?: boolean;
}

/**
 * What a kernel has to discover, whatever the user asks for. It takes nearly all of the time of discovery,
 * and is kept from one start to the next (`survey_cache.ts`), so all of it is plain data.
 */
export interface Survey {
  /** Sorted: vmlinux first, then by module, then by name. */
  readonly candidates: readonly Candidate[];
  /** Functions of vrouter that BTF does not describe. */
  readonly undescribed: readonly Undescribed[];
  /** As in {@linkcode Discovery}. */
  readonly leftOut: readonly LeftOutModule[];
  readonly addressesKnown: boolean;
  readonly traceabilityKnown: boolean;
}

/** Result of discovery. Both lists are sorted: vmlinux first, then by module, then by name. */
export interface Discovery {
  readonly functions: readonly PacketFunction[];
  /** Those of {@linkcode DiscoveryInput.also} that the globs leave out, and that can be traced. */
  readonly also: readonly PacketFunction[];
  /**
   * Functions that take a packet but are not traced, and those of vrouter that BTF does not describe.
   * Names excluded by globs are in neither.
   */
  readonly skipped: readonly SkippedFunction[];
  /** Modules whose BTF cannot be used: those of the input, and those found to be damaged. */
  readonly leftOut: readonly LeftOutModule[];
  /** False if kallsyms is unreadable or hides addresses (kernel.kptr_restrict): all are `null`. */
  readonly addressesKnown: boolean;
  /** False if it is unknown what ftrace can trace; {@linkcode functions} then comes from BTF alone. */
  readonly traceabilityKnown: boolean;
}

/** The module that a trace is about, which needs its BTF. */
export const VROUTER = "vrouter";

/** A function that takes a packet, from BTF. */
interface Described {
  readonly module: string;
  readonly name: string;
  /** As in {@linkcode PacketFunction}, of the first function of the name. */
  readonly trampoline: number | string;
  readonly packet: PacketParameter;
  /** Another function of the name takes none, or in another place. */
  contradicted: boolean;
}

/** A function that takes a packet, and what the symbol lists have on it. */
export interface Candidate {
  readonly module: string;
  readonly name: string;
  readonly packet: PacketParameter;
  /** As in {@linkcode PacketFunction}. */
  readonly trampoline: number | string;
  /** The address, if there is exactly one and it is not hidden. */
  readonly address: bigint | null;
  /** Why it cannot be traced; `null` if nothing is known against it. */
  readonly reason: string | null;
}

/** A function that may take a packet. */
export interface Undescribed {
  readonly name: string;
  /** From the compiler, such as `.isra.0`; empty for the function itself. */
  readonly suffix: string;
}

/** What the symbol lists have on one name in one module. */
interface Symbols {
  /** Addresses of the function itself. */
  readonly addresses: Set<bigint>;
  /** Number of further ones hidden by the kernel. */
  hidden: number;
  /** Number of functions of exactly this name that ftrace can trace. */
  traceable: number;
  /** Names of the compiler's clones of it. */
  readonly variants: string[];
}

/** By module, then by name. */
type SymbolTable = Map<string, Map<string, Symbols>>;

/**
 * Finds the functions with a packet among their parameters.
 *
 * @throws {Failure} if the BTF of the kernel or of vrouter is damaged, or for an invalid glob
 */
export function discover(input: DiscoveryInput): Discovery {
  const chosen = choice(input);
  const survey = input.survey ?? surveyed(input);
  const named = new Set(input.also);
  const functions: PacketFunction[] = [];
  const also: PacketFunction[] = [];
  const byAddress = new Map<bigint, string>();
  const skipped: SkippedFunction[] = [];
  for (const { module, name, packet, trampoline, address, reason } of survey.candidates) {
    const isChosen = chosen(name);
    if (!isChosen && !(module === VMLINUX && named.has(name))) continue;
    const skip = (reason: string): void => {
      if (isChosen) skipped.push({ name, module, reason });
    };
    if (reason !== null) {
      skip(reason);
    } else if (isOnStack(packet) && !(input.trampolines && typeof trampoline === "number")) {
      skip(whyOnStack({ ...packet, trampoline }));
    } else {
      const fn = { name, module, trampoline, ...packet, address };
      if (!isChosen) {
        also.push(fn);
        continue;
      }
      const same = address === null ? undefined : byAddress.get(address);
      if (same !== undefined) {
        skip(`another name of ${same}`);
        continue;
      }
      if (address !== null) byAddress.set(address, name);
      functions.push(fn);
    }
  }
  const undescribed = chosenUndescribed(survey.undescribed, chosen);
  if (undescribed.length > 0) {
    skipped.push(...undescribed);
    skipped.sort(byModuleAndName);
  }
  const { leftOut, addressesKnown, traceabilityKnown } = survey;
  return { functions, also, skipped, leftOut, addressesKnown, traceabilityKnown };
}

/**
 * Finds the functions that take a packet, and what stands against tracing them.
 *
 * A name is traced only if it denotes a single function. BTF has prototypes by name, without addresses:
 * up to pahole 1.24 (Debian 12), the prototype is that of any of several static functions of the name,
 * and different prototypes of one name may coexist. So if kallsyms has more than one symbol of a name in
 * a module, it is unknown which of them takes the packet. Newer versions of pahole omit such names.
 *
 * @throws {Failure} if the BTF of the kernel or of vrouter is damaged
 */
export function surveyed(input: SurveyInput): Survey {
  const leftOut = [...input.leftOut];
  const described = findDescribed(input, leftOut);
  const names = new Set(described.map(({ name }) => name));
  const kallsyms = input.kallsyms === null ? null : findSymbols(input.kallsyms, names);
  const traceable = input.filterFunctions === null
    ? null
    : findTraceable(input.filterFunctions, names);
  const symbols = collect(kallsyms ?? [], traceable ?? []);
  const isLoaded = loadedModules(input.kallsyms, kallsyms ?? []);
  return {
    candidates: described.map(({ module, name, packet, trampoline, contradicted }) => {
      const found = symbols.get(module)?.get(name);
      const reason = denial(name) ?? (contradicted ? CONTRADICTED : undefined) ??
        (traceable === null ? undefined : untraceable(found, module, isLoaded));
      const address = soleAddress(found);
      return { module, name, packet, trampoline, address, reason: reason ?? null };
    }),
    undescribed: findUndescribed(input),
    leftOut,
    addressesKnown: kallsyms?.some(({ address }) => address !== 0n) ?? false,
    traceabilityKnown: traceable !== null,
  };
}

/** Whether the globs select a function, by any of its names. */
type Choice = (...names: string[]) => boolean;

/** @throws {Failure} for an invalid glob */
function choice({ functions, excludes }: DiscoveryInput): Choice {
  const included = functions.length === 0 ? (): boolean => true : matcher(functions);
  const excluded = matcher(excludes);
  return (...names) => names.some(included) && !names.some(excluded);
}

/** Entry points of every module, which take no packet; the first is freed after it has run. */
const ENTRY_POINTS: ReadonlySet<string> = new Set(["init_module", "cleanup_module"]);

/**
 * Functions of the vrouter module missing from its BTF: pahole omits those whose parameters are not
 * passed as declared, and different ones of the same name. Each may take a packet. Not done for other
 * modules and the kernel, which have too many that never see one.
 */
function findUndescribed({ modules, kallsyms }: SurveyInput): Undescribed[] {
  const btf = modules.find(({ module }) => module === VROUTER)?.btf;
  if (btf === undefined || kallsyms === null) return [];
  const described = functionNames(btf);
  const found = new Map<string, Undescribed>();
  for (const { name, suffix } of moduleFunctions(kallsyms, VROUTER)) {
    if (described.has(name) || ENTRY_POINTS.has(name)) continue;
    found.set(name + suffix, { name, suffix });
  }
  return [...found.values()];
}

function chosenUndescribed(all: readonly Undescribed[], chosen: Choice): SkippedFunction[] {
  return all.filter(({ name, suffix }) => chosen(name, name + suffix)).map(({ name, suffix }) => ({
    name: name + suffix,
    module: VROUTER,
    reason: suffix === ""
      ? "not in BTF: unknown whether it takes a packet"
      : "not in BTF: the compiler has changed its parameters",
  }));
}

/** Names of the functions of `btf`, not of its base. @throws {BtfError} when it is damaged */
export function functionNames(btf: Btf): Set<string> {
  return new Set(Array.from(btf.index.functions, (number) => btf.name(btf.firstId + number)));
}

/**
 * The functions that take a packet, each name of a module once; sorted.
 *
 * @param leftOut receives the modules whose BTF is damaged
 */
function findDescribed(input: SurveyInput, leftOut: LeftOutModule[]): Described[] {
  const prototypes = new Map<Btf, Prototypes>();
  return [...input.modules].sort(byModule).flatMap(({ module, btf }) => {
    try {
      const byName = findInModule(module, btf, prototypesOf(btf, prototypes), input.only);
      return [...byName.keys()].sort().map((name) => byName.get(name) as Described);
    } catch (cause) {
      if (!(cause instanceof BtfError)) throw cause;
      if (module === VMLINUX || module === VROUTER) {
        throw new Failure("btf", `Cannot use the BTF of ${module}: ${cause.message}`, { cause });
      }
      leftOut.push({ module, reason: cause.message });
      return [];
    }
  });
}

/** vmlinux first, then by code units, independent of the locale. */
function byModule(
  { module: a }: Pick<ModuleBtf, "module">,
  { module: b }: Pick<ModuleBtf, "module">,
): number {
  if (a === VMLINUX || b === VMLINUX) return Number(b === VMLINUX) - Number(a === VMLINUX);
  return a < b ? -1 : Number(a > b);
}

/** As {@linkcode byModule}, then by name. */
function byModuleAndName(a: SkippedFunction, b: SkippedFunction): number {
  return byModule(a, b) || (a.name < b.name ? -1 : Number(a.name > b.name));
}

/** The prototypes of `btf`, on top of those of its base, which all modules share. */
function prototypesOf(btf: Btf, made: Map<Btf, Prototypes>): Prototypes {
  let prototypes = made.get(btf);
  if (prototypes === undefined) {
    prototypes = new Prototypes(
      btf,
      btf.base === undefined ? undefined : prototypesOf(btf.base, made),
    );
    made.set(btf, prototypes);
  }
  return prototypes;
}

/** The functions of one module that take a packet, by name. @param only their names; all by default */
function findInModule(
  module: string,
  btf: Btf,
  prototypes: Prototypes,
  only?: ReadonlySet<string>,
): Map<string, Described> {
  const byName = new Map<string, Described>();
  const byNameOffset = new Map<number, Described>();
  for (const id of prototypes.packetFunctions()) {
    const name = functionName(btf, id);
    if (only?.has(name) === false) continue;
    const packet = prototypes.packet(btf.target(id));
    if (packet === null) continue;
    let candidate = byName.get(name);
    if (candidate === undefined) {
      byName.set(
        name,
        candidate = {
          module,
          name,
          trampoline: whyNoTrampoline(btf, id) ?? id,
          packet,
          contradicted: false,
        },
      );
    } else if (!samePlace(candidate.packet, packet)) {
      candidate.contradicted = true;
    }
    byNameOffset.set(btf.nameOffset(id), candidate);
  }
  for (const nameOffset of prototypes.namesakes(byNameOffset)) {
    (byNameOffset.get(nameOffset) as Described).contradicted = true;
  }
  return byName;
}

/** A name valid for the kernel (`btf_name_valid_identifier()`) and safe for a terminal. */
function functionName(btf: Btf, id: number): string {
  const name = btf.name(id);
  if (!/^[A-Za-z_.$][\w.$]*$/.test(name)) throw new BtfError(`The name of function ${id} is none`);
  return name;
}

/** Whether a probe reads both the same way. */
function samePlace(a: PacketParameter, b: PacketParameter): boolean {
  return a.struct === b.struct && a.argument === b.argument && a.indirection === b.indirection;
}

/** Groups the lines of both lists by module and name. */
function collect(
  kallsyms: readonly SymbolLine[],
  traceable: readonly SymbolLine[],
): SymbolTable {
  const table: SymbolTable = new Map();
  for (const line of kallsyms) {
    const symbols = entry(table, line);
    if (line.suffix !== "") symbols.variants.push(line.name + line.suffix);
    else if (line.address === 0n) symbols.hidden++;
    else symbols.addresses.add(line.address);
  }
  for (const line of traceable) {
    if (line.suffix === "") entry(table, line).traceable++;
  }
  return table;
}

function noSymbols(): Symbols {
  return { addresses: new Set(), hidden: 0, traceable: 0, variants: [] };
}

/** The entry of a line's name in its module, created on first use. */
function entry(table: SymbolTable, { module, name }: SymbolLine): Symbols {
  let names = table.get(module);
  if (names === undefined) table.set(module, names = new Map());
  let symbols = names.get(name);
  if (symbols === undefined) {
    names.set(name, symbols = noSymbols());
  }
  return symbols;
}

/** Why BTF alone does not show where the packet is. */
const CONTRADICTED = "several prototypes of this name: unknown which one was compiled";

/** Why the function cannot be traced, according to the symbol lists. */
function untraceable(
  found: Symbols | undefined,
  module: string,
  isLoaded: (module: string) => boolean,
): string | undefined {
  if (!isLoaded(module)) return `module ${module} is not loaded`;
  const { addresses, hidden, traceable, variants } = found ?? noSymbols();
  const count = Math.max(addresses.size + hidden, traceable);
  if (count === 0) {
    // Cold parts (.cold) are not entered by a call.
    const variant = variants.find((other) => !other.endsWith(".cold"));
    return variant === undefined
      ? "inlined: no symbol"
      : `compiled as ${variant}: its arguments may have changed`;
  }
  if (traceable === 0) return "not traceable by ftrace";
  if (count > 1) return `${count} symbols of this name: unknown which one takes the packet`;
  return undefined;
}

/** A test for modules: those with a symbol in kallsyms, or all if it is unreadable. */
function loadedModules(
  kallsyms: Uint8Array | null,
  found: readonly SymbolLine[],
): (module: string) => boolean {
  const loaded = new Map(found.map(({ module }) => [module, true]));
  loaded.set(VMLINUX, true);
  return (module) => {
    let answer = loaded.get(module);
    if (answer === undefined) {
      loaded.set(module, answer = kallsyms === null || listsModule(kallsyms, module));
    }
    return answer;
  };
}

/** The address, if there is exactly one and it is not hidden. */
function soleAddress(found: Symbols | undefined): bigint | null {
  if (found === undefined || found.hidden > 0 || found.addresses.size !== 1) return null;
  const [address] = found.addresses;
  return address!;
}
