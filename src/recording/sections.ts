/**
 * What the records of a recording refer to, and what else a view needs on another machine: sections, each of
 * a type. A section is JSON, whose unknown members are ignored, as sections of unknown types are.
 *
 * Adding a type is a member of {@linkcode Sections}, and an entry in {@linkcode SECTIONS}.
 *
 * @module
 */

import type { MemberPlace } from "../kernel/btf.ts";
import { viewOf } from "../sys/view.ts";
import { printable } from "../sys/printable.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import type { Nexthop } from "../vrouter/nexthops.ts";
import { MAX_PLAIN_BYTES } from "./format.ts";
import {
  big,
  boolean,
  bytes,
  count,
  list,
  number,
  object,
  optional,
  orNull,
  record,
  type Shape,
  ShapeError,
  string,
  tuple,
} from "./shapes.ts";

/** Where and by what the recording was made: the first section of each file. */
export interface RecordingHeader {
  /** Version of vrft. */
  readonly vrft: string;
  /** `RECORD_VERSION` of the records. */
  readonly recordVersion: number;
  readonly host: string;
  /** Release of the kernel. */
  readonly kernel: string;
  /** Name and version of the distribution. */
  readonly distribution: string;
  /** Inode number of the network namespace of the vifs' devices; 0 without vrouter. */
  readonly vrouterNetns: number;
  /** Inode number of the network namespace of vrft; 0 if unknown. */
  readonly currentNetns: number;
}

/** What was recorded: a value for each option that makes a difference. */
export type Selection = Readonly<Record<string, Selected | readonly Selected[]>>;
type Selected = string | number | boolean | null;

/** A function, by its number in records. */
export interface RecordedFunction {
  readonly name: string;
  /** `vmlinux`, or the name of the module. */
  readonly module: string;
  /** Whether its returns are recorded. */
  readonly returns: boolean;
}

/** Both clocks at one moment, in nanoseconds. */
export interface ClockPair {
  readonly monotonic: bigint;
  readonly realtime: bigint;
}

/** A list as it was from a time (CLOCK_MONOTONIC) on. */
export interface Since<T> {
  readonly time: bigint;
  readonly all: readonly T[];
}

/** Names of an enum's values, by their numbers. */
export type EnumNames = readonly (readonly [number: number, name: string])[];

/** Words of the kernel and of the module: of each enum that numbers in records are of, all names. */
export interface RecordedWords {
  readonly kernel: readonly EnumNames[];
  /** Empty without vrouter's BTF. */
  readonly vrouter: readonly EnumNames[];
}

/** Where members of vrouter's structs are, by what they are for, and by the member's name. */
export type RecordedPlaces = Readonly<Record<string, Readonly<Record<string, MemberPlace>>>>;

/** Start and name of a symbol, as in /proc/kallsyms. */
export type RecordedSymbol = readonly [address: bigint, name: string];

/** A network device: inode number of its namespace, ifindex, name. */
export type RecordedDevice = readonly [netns: number, ifindex: number, name: string];

/** A task: thread id, and its name (`comm`). */
export type RecordedTask = readonly [thread: number, name: string];

/** Counters at a moment. */
export interface RecordedCounters {
  readonly time: bigint;
  /** Whose: `vrft`, `dropstats`. */
  readonly of: string;
  readonly values: Readonly<Record<string, number>>;
}

/** The module's drop counters at a moment, by the names of reasons: of all packets, and of each vif. */
export interface RecordedDropCounters {
  readonly all: Readonly<Record<string, number>>;
  readonly vifs: readonly (readonly [index: number, counts: Readonly<Record<string, number>>])[];
}

/**
 * The module's drop counters at both ends of a trace of all packets. The moment when recording began or
 * ended lies between the two readings of that end.
 */
export interface RecordedDropStats {
  readonly start: readonly [RecordedDropCounters, RecordedDropCounters];
  readonly end: readonly [RecordedDropCounters, RecordedDropCounters];
}

/**
 * The same at a moment between records: those that have changed since the reading before, the first time since
 * recording began. All records so far lie between the two.
 */
export interface RecordedReading {
  readonly time: bigint;
  readonly before: RecordedDropCounters;
  readonly after: RecordedDropCounters;
}

/** The type of a result: see `ResultType`. Of kinds that have no bits or names, these are empty. */
export interface RecordedResultType {
  readonly kind: string;
  /** Up to 64. */
  readonly bits: number;
  readonly isSigned: boolean;
  /** Of an enum: values in decimal digits, each with its name. */
  readonly names: readonly (readonly [value: string, name: string])[];
}

/** What functions return: a list of types, and for each function the number of its type in that. */
export interface RecordedResults {
  readonly types: readonly RecordedResultType[];
  /** `null` if the type is not known. */
  readonly functions: readonly (number | null)[];
}

/** What a flight recorder has written the file for. */
export interface RecordedTrigger {
  readonly time: bigint;
  /** `drop No L2 Route`, `slower 12.3 ms`, `loss`, `SIGUSR1`. */
  readonly why: string;
}

/** Why the recording ended. Without that, it was cut. */
export interface RecordingEnd {
  readonly time: bigint;
  /** `interrupted`, `limit`, `rotated`, `triggered`, `failed`, ... */
  readonly why: string;
  readonly records: number;
  readonly lost: number;
}

/** All types of sections, each with what it says. */
export interface Sections {
  header: RecordingHeader;
  selection: Selection;
  functions: readonly RecordedFunction[];
  clocks: readonly ClockPair[];
  vifs: Since<Vif>;
  nexthops: Since<Nexthop>;
  words: RecordedWords;
  places: RecordedPlaces;
  symbols: readonly RecordedSymbol[];
  devices: readonly RecordedDevice[];
  counters: RecordedCounters;
  end: RecordingEnd;
  tasks: readonly RecordedTask[];
  dropstats: RecordedDropStats;
  results: RecordedResults;
  triggers: readonly RecordedTrigger[];
  reading: RecordedReading;
}

/** Name of a type. */
export type SectionName = keyof Sections;

/** One section. */
export type Section = { [N in SectionName]: { readonly name: N; readonly value: Sections[N] } }[
  SectionName
];

/** How the values of a type add up in a file. */
export type Growth =
  /** A section takes the place of the one before. */
  | "replaces"
  /** It adds to a list. */
  | "adds"
  /** It adds to a list of names, of which the latest are kept. */
  | "names";

interface SectionKind<T> {
  /** Number in the file. */
  readonly type: number;
  readonly growth: Growth;
  readonly shape: Shape<T>;
}

// A name goes to terminals as it is.
const name: Shape<string> = (value) => printable(string(value));

const functionShape = object<RecordedFunction>({
  name,
  module: name,
  returns: optional(boolean, true),
});

const selected: Shape<Selected> = (value) => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  return number(value);
};

const vif = object<Vif>({
  index: count,
  name: string,
  device: orNull(string),
  ifindex: count,
  type: string,
  vrf: number,
  flags: count,
  rxPackets: count,
  rxBytes: count,
  txPackets: count,
  txBytes: count,
  drops: count,
  addresses: list(bytes),
});

const nexthop = object<Nexthop>({
  id: count,
  type: number,
  flags: count,
  family: number,
  vrf: number,
  oif: orNull(number),
  tunnel: orNull(object<NonNullable<Nexthop["tunnel"]>>({ source: bytes, destination: bytes })),
  members: list(object<Nexthop["members"][number]>({ id: number, label: number })),
});

const enumNames: Shape<EnumNames> = list(tuple<[number, string]>(number, name));

const place: Shape<MemberPlace> = (value) => {
  const { offset, bytes, isSigned } = object<{ offset: number; bytes: number; isSigned: boolean }>({
    offset: count,
    bytes: count,
    isSigned: optional(boolean, false),
  })(value);
  return isSigned ? { offset, bytes, isSigned } : { offset, bytes };
};

const symbol: Shape<RecordedSymbol> = (value) => {
  const [address, text] = tuple<[string, string]>(string, name)(value);
  if (!/^[0-9a-f]{16}$/.test(address)) throw new ShapeError("not an address");
  return [BigInt(`0x${address}`), text];
};

const dropCounters = object<RecordedDropCounters>({
  all: record(count),
  vifs: list(tuple<[number, Readonly<Record<string, number>>]>(count, record(count))),
});

const readings = tuple<[RecordedDropCounters, RecordedDropCounters]>(dropCounters, dropCounters);

const resultType = object<RecordedResultType>({
  kind: name,
  bits: (value) => {
    const bits = count(value);
    if (bits > 64) throw new ShapeError("not a size");
    return bits;
  },
  isSigned: boolean,
  names: list(tuple<[string, string]>((value) => `${big(value)}`, name)),
});

function since<T>(shape: Shape<T>): Shape<Since<T>> {
  return object<Since<T>>({ time: big, all: list(shape) });
}

/** The types, by their names. */
const SECTIONS: { readonly [N in SectionName]: SectionKind<Sections[N]> } = {
  header: {
    type: 1,
    growth: "replaces",
    shape: object<RecordingHeader>({
      vrft: name,
      recordVersion: count,
      host: name,
      kernel: name,
      distribution: name,
      vrouterNetns: count,
      currentNetns: count,
    }),
  },
  selection: {
    type: 2,
    growth: "replaces",
    shape: record((value) => Array.isArray(value) ? value.map(selected) : selected(value)),
  },
  functions: { type: 3, growth: "replaces", shape: list(functionShape) },
  clocks: {
    type: 4,
    growth: "adds",
    shape: list(object<ClockPair>({ monotonic: big, realtime: big })),
  },
  vifs: { type: 5, growth: "replaces", shape: since(vif) },
  nexthops: { type: 6, growth: "replaces", shape: since(nexthop) },
  words: {
    type: 7,
    growth: "replaces",
    shape: object<RecordedWords>({ kernel: list(enumNames), vrouter: list(enumNames) }),
  },
  places: { type: 8, growth: "replaces", shape: record(record(place)) },
  symbols: { type: 9, growth: "names", shape: list(symbol) },
  devices: {
    type: 10,
    growth: "names",
    shape: list(tuple<[number, number, string]>(count, count, string)),
  },
  counters: {
    type: 11,
    growth: "replaces",
    shape: object<RecordedCounters>({ time: big, of: name, values: record(number) }),
  },
  end: {
    type: 12,
    growth: "replaces",
    shape: object<RecordingEnd>({ time: big, why: name, records: count, lost: count }),
  },
  tasks: { type: 13, growth: "names", shape: list(tuple<[number, string]>(count, name)) },
  dropstats: {
    type: 14,
    growth: "replaces",
    shape: object<RecordedDropStats>({ start: readings, end: readings }),
  },
  results: {
    type: 15,
    growth: "replaces",
    shape: object<RecordedResults>({
      types: list(resultType),
      functions: list(orNull(count)),
    }),
  },
  triggers: {
    type: 16,
    growth: "adds",
    shape: list(object<RecordedTrigger>({ time: big, why: name })),
  },
  reading: {
    type: 17,
    growth: "replaces",
    shape: object<RecordedReading>({ time: big, before: dropCounters, after: dropCounters }),
  },
};

/** Bytes in front of each section: its type, and its length. */
const SECTION_HEAD_BYTES = 8;
/** Members of lists that sections add to, at most: what comes beyond is left out, of names the oldest. */
const MAX_ADDED = 65_536;
/** The oldest are not removed one by one. */
const SLACK = 4096;

const NAMES: ReadonlyMap<number, SectionName> = new Map(
  Object.entries(SECTIONS).map(([name, { type }]) => [type, name as SectionName]),
);

/** How sections of a type add up. */
export function growthOf(name: SectionName): Growth {
  return SECTIONS[name].growth;
}

/** Bytes of a section in a block. @throws {RangeError} if it is too long for one */
export function sectionBytes(section: Section): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(section.value, asJson));
  const length = SECTION_HEAD_BYTES + text.length;
  if (length > MAX_PLAIN_BYTES) {
    throw new RangeError(`The section "${section.name}" is too long: ${length} bytes`);
  }
  const all = new Uint8Array(length);
  viewOf(all).setUint32(0, SECTIONS[section.name].type, true);
  viewOf(all).setUint32(4, text.length, true);
  all.set(text, SECTION_HEAD_BYTES);
  return all;
}

function asJson(this: unknown, key: string, value: unknown): unknown {
  // A symbol's address, which is the only number in a list that is one of 64 bits.
  if (typeof value === "bigint") {
    return Array.isArray(this) && key === "0" ? value.toString(16).padStart(16, "0") : `${value}`;
  }
  return value instanceof Uint8Array ? value.toHex() : value;
}

/**
 * The sections of a block. Those of unknown types are left out.
 *
 * @returns `null` if the block is damaged
 */
export function readSections(plain: Uint8Array): Section[] | null {
  const sections: Section[] = [];
  const view = viewOf(plain);
  for (let at = 0; at < plain.length;) {
    if (at + SECTION_HEAD_BYTES > plain.length) return null;
    const name = NAMES.get(view.getUint32(at, true));
    const length = view.getUint32(at + 4, true);
    at += SECTION_HEAD_BYTES;
    if (length > plain.length - at) return null;
    if (name !== undefined) {
      const value = readValue(name, plain.subarray(at, at + length));
      if (value === null) return null;
      sections.push({ name, value } as Section);
    }
    at += length;
  }
  return sections;
}

function readValue(name: SectionName, json: Uint8Array): Sections[SectionName] | null {
  try {
    return SECTIONS[name].shape(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json)));
  } catch (error) {
    const isOfJson = error instanceof SyntaxError || error instanceof TypeError;
    if (isOfJson || error instanceof ShapeError) return null;
    throw error;
  }
}

/** What the sections so far say together. */
export class KnownSections {
  readonly #values: Partial<Sections> = {};

  /** What is known of a type: the latest value, or of lists that grow, all together. */
  get<N extends SectionName>(name: N): Sections[N] | undefined {
    return this.#values[name];
  }

  /** Adds a section. */
  add(section: Section): void {
    const values = this.#values as Record<SectionName, unknown>;
    const { name, value } = section;
    const before = values[name];
    if (growthOf(name) === "replaces" || before === undefined) {
      values[name] = Array.isArray(value) && growthOf(name) !== "replaces" ? value.slice() : value;
      return;
    }
    const all = before as unknown[];
    const isOfNames = growthOf(name) === "names";
    for (const one of value as readonly unknown[]) {
      if (isOfNames || all.length < MAX_ADDED) all.push(one);
    }
    if (isOfNames && all.length > MAX_ADDED + SLACK) all.splice(0, all.length - MAX_ADDED);
  }
}
