/**
 * Parsers for the values of options. Each takes the text of one argument and returns its value, or
 * throws {@linkcode ValueError} with what is allowed.
 *
 * @module
 */

import { matcher } from "../kernel/glob.ts";
import { Failure } from "../sys/failure.ts";
import { type StageName, STAGES } from "../vrouter/stages.ts";

/** A value that an option does not accept; the message says what it accepts. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

/** Smallest ring buffers in bytes, all CPUs together: a page of x86-64. */
export const MIN_BUFFER_BYTES = 4096;

/** Largest ring buffers in bytes, all CPUs together: 1 GiB of the kernel's memory. */
export const MAX_BUFFER_BYTES = 2 ** 30;

/** Longest duration in milliseconds: timers take a signed 32-bit number, and fire at once above. */
export const MAX_DURATION_MS = 2 ** 31 - 1;

/** Highest share in per cent of one CPU: that of 8,192 CPUs, more than Linux runs on. */
export const MAX_PERCENT = 819_200;

/** Rarest sample, one packet in so many: the BPF programs count in 32 bits. */
export const MAX_SAMPLE = 2 ** 32 - 1;

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
};

/**
 * A positive whole number in decimal digits.
 *
 * @throws {ValueError} for anything else, and above 2^53 - 1
 */
export function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (count >= 1 && count <= Number.MAX_SAFE_INTEGER) return count;
  throw new ValueError("give a whole number from 1, such as 400");
}

/**
 * N of "one packet in N".
 *
 * @returns from 1 to {@linkcode MAX_SAMPLE}
 * @throws {ValueError} for anything else
 */
export function parseSample(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (count >= 1 && count <= MAX_SAMPLE) return count;
  throw new ValueError("give a whole number from 1 to 4294967295, such as 100");
}

/**
 * A parser of numbers that name something: a VRF, a label.
 *
 * @param most largest of them; the least is 0
 * @throws {ValueError} (the parser) for anything else
 */
export function parseNumber(most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (number <= most) return number;
    throw new ValueError(`give a whole number from 0 to ${most}`);
  };
}

/**
 * A time such as `10s`, `500ms`, `2m`, `1h` or `1.5s`; a plain number is seconds.
 *
 * @returns whole milliseconds, from 1 to {@linkcode MAX_DURATION_MS}
 * @throws {ValueError} for anything else
 */
export function parseDuration(text: string): number {
  const [, digits, unit = "s"] = /^(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h)?$/.exec(text) ?? [];
  const milliseconds = Math.round(Number(digits) * (MS_PER_UNIT[unit] ?? NaN));
  if (milliseconds >= 1 && milliseconds <= MAX_DURATION_MS) return milliseconds;
  throw new ValueError("give a time from 1ms to 596h, such as 500ms, 10s or 2m");
}

const NS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  "µs": 1e3,
  "μs": 1e3,
  ms: 1e6,
  s: 1e9,
};

/** Longest time of a packet in nanoseconds: an hour. */
const MAX_LATENCY_NS = 3600e9;

/**
 * The time of a packet, such as `100us`, `2ms`, `1.5s`. It needs a unit: 100 may be meant in any.
 *
 * @returns whole nanoseconds, from 1 to those of an hour
 * @throws {ValueError} for anything else
 */
export function parseLatency(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?|\.\d+)(\D*)$/.exec(text) ?? [];
  if (unit === "") throw new ValueError("say in which unit: 100us, 2ms, 1s");
  const nanoseconds = Math.round(Number(digits) * (NS_PER_UNIT[unit ?? ""] ?? NaN));
  if (nanoseconds >= 1 && nanoseconds <= MAX_LATENCY_NS) return nanoseconds;
  throw new ValueError("give a time from 1ns to 3600s, such as 100us, 2ms or 1s");
}

/** A stage of a packet's way, and the time that it is to take at least. */
export interface StageTime {
  readonly stage: StageName;
  /** Nanoseconds. */
  readonly least: number;
}

/**
 * A stage and a time, such as `qdisc:1ms`.
 *
 * @throws {ValueError} for anything else
 */
export function parseStageTime(text: string): StageTime {
  const [, name, time] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  const stage = STAGES.find((each) => each === name);
  if (name === undefined || time === undefined) {
    throw new ValueError("give a stage and a time, such as qdisc:1ms");
  }
  if (stage === undefined) throw new ValueError(`the stages are ${STAGES.join(", ")}`);
  return { stage, least: parseLatency(time) };
}

/**
 * A percentage such as `50`, `12.5` or `200%`.
 *
 * @returns per cent, above 0 and up to {@linkcode MAX_PERCENT}
 * @throws {ValueError} for anything else
 */
export function parsePercent(text: string): number {
  const [, digits] = /^(\d+(?:\.\d+)?|\.\d+)%?$/.exec(text) ?? [];
  const percent = Number(digits);
  if (percent > 0 && percent <= MAX_PERCENT) return percent;
  throw new ValueError("give a percentage of one CPU above 0, such as 50, 12.5 or 200%");
}

/**
 * The size of ring buffers such as `64M`, `8MiB`, `64k` or `65536`; units are powers of 1024.
 *
 * @returns bytes, rounded up to a power of two
 * @throws {ValueError} for anything else, below {@linkcode MIN_BUFFER_BYTES} and above
 *   {@linkcode MAX_BUFFER_BYTES}
 */
export function parseBufferSize(text: string): number {
  const [, digits, unit = ""] = /^(\d+)(?:([kmg])(?:ib)?)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * (BYTES_PER_UNIT[unit.toLowerCase()] ?? NaN);
  if (bytes >= MIN_BUFFER_BYTES && bytes <= MAX_BUFFER_BYTES) {
    return 2 ** (32 - Math.clz32(bytes - 1));
  }
  throw new ValueError("give a size from 4k to 1G, such as 64M, 8MiB or 65536");
}

/** When the next file of a recording begins: at a size, or after a time; the other is `null`. */
export interface RotateValue {
  readonly bytes: number | null;
  readonly ms: number | null;
}

/** What triggers a recording; of drops, `null` is any reason. */
export type TriggerValue =
  | { readonly on: "drop"; readonly reason: string | null }
  | { readonly on: "slower"; readonly ns: number }
  | { readonly on: "loss" };

/** What a trigger begins with. */
export const TRIGGER_WORDS = ["drop", "slower", "loss"] as const;

/**
 * A trigger: `drop`, `drop no-l2-route`, `slower 5ms`, `loss`.
 *
 * @throws {ValueError} for anything else
 */
export function parseTrigger(text: string): TriggerValue {
  const [, word, rest = ""] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(text) ?? [];
  switch (word) {
    case "drop":
      return { on: "drop", reason: rest === "" ? null : rest };
    case "slower":
      if (rest === "") throw new ValueError("say how slow: 'slower 5ms'");
      return { on: "slower", ns: parseLatency(rest) };
    case "loss":
      if (rest === "") return { on: "loss" };
  }
  throw new ValueError("give drop, 'drop REASON', 'slower TIME' or loss");
}

/** Least size of a file: some blocks. */
const MIN_FILE_BYTES = 1 << 20;
/** Largest size of a file: more than file systems have. */
const MAX_FILE_BYTES = 2 ** 50;

const SIZES = "a size from 1M, such as 100M or 2G";

/**
 * A size on disk such as `500M` or `2GiB`, in powers of 1024.
 *
 * @throws {ValueError} for anything else, and for less than a MiB
 */
export function parseSize(text: string): number {
  const bytes = fileBytes(text);
  if (isFileSize(bytes)) return bytes;
  throw new ValueError(`give ${SIZES}`);
}

/**
 * A size such as `100M` or `2GiB`, in powers of 1024, or a time such as `30s`, `10m` or `1h`.
 *
 * @throws {ValueError} for anything else, and for a size below a MiB
 */
export function parseRotate(text: string): RotateValue {
  const bytes = fileBytes(text);
  if (isFileSize(bytes)) return { bytes, ms: null };
  if (Number.isNaN(bytes) && /[smh]$/.test(text)) return { bytes: null, ms: parseDuration(text) };
  throw new ValueError(`give ${SIZES}, or a time, such as 30s or 10m`);
}

/** NaN for anything but a size with a unit. */
function fileBytes(text: string): number {
  const [, digits, unit = ""] = /^(\d+)([kKMgG])(?:i?B)?$/.exec(text) ?? [];
  return Number(digits) * (BYTES_PER_UNIT[unit.toLowerCase()] ?? NaN);
}

function isFileSize(bytes: number): boolean {
  return bytes >= MIN_FILE_BYTES && bytes <= MAX_FILE_BYTES;
}

/** Where a server listens. */
export interface ListenAddress {
  /** Name or address, without brackets. */
  readonly host: string;
  /** 0 for one that the kernel chooses. */
  readonly port: number;
}

/** Of a port alone. */
const LOOPBACK = "127.0.0.1";

/**
 * An address to listen at: `127.0.0.1:9467`, `[::1]:9467`, `localhost:9467`, or only a port of 127.0.0.1.
 * All addresses of the machine must be asked for in so many words, not by leaving the host out.
 *
 * @throws {ValueError} for anything else
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, six, name, digits] =
    /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]*]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (port <= 0xffff) return { host: six ?? name ?? LOOPBACK, port };
  throw new ValueError(
    "give an address and a port, such as 127.0.0.1:9467 or [::1]:9467, or 0.0.0.0:9467 for all " +
      "of this machine",
  );
}

/** An address as {@linkcode parseListenAddress} takes it. */
export function addressText({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * A file for node_exporter, which reads no others.
 *
 * @throws {ValueError} if its name does not end in `.prom`
 */
export function parseTextfile(text: string): string {
  if (/[^/]\.prom$/.test(text)) return text;
  throw new ValueError("give a file whose name ends in .prom: node_exporter reads no other");
}

/**
 * A glob for function names, unchanged.
 *
 * @throws {ValueError} for empty text and for anything that is not a glob
 */
export function parseGlob(text: string): string {
  try {
    matcher([text]);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new ValueError("give a name with *, ?, [a-z] or [!a-z], such as 'vr_*'");
  }
  return parseText(text);
}

/**
 * A name or path, unchanged.
 *
 * @throws {ValueError} for the empty text
 */
export function parseText(text: string): string {
  if (text !== "") return text;
  throw new ValueError("it must not be empty");
}

/**
 * The address of a receiver: `http://127.0.0.1:4318`, or with a path, to which that of what is sent is added.
 *
 * @throws {ValueError} for anything else, and for one with a name and a password
 */
export function parseReceiver(text: string): string {
  const url = httpAddress(text, "http://127.0.0.1:4318");
  if (url.username !== "" || url.password !== "") {
    throw new ValueError("leave out the password, and set OTEL_EXPORTER_OTLP_HEADERS");
  }
  return text;
}

/**
 * The address of the vRouter agent's introspect: `http://127.0.0.1:8085`.
 *
 * @throws {ValueError} for anything else
 */
export function parseAgent(text: string): string {
  const url = httpAddress(text, "http://127.0.0.1:8085");
  if (url.username === "" && url.password === "") return text;
  throw new ValueError("leave out the password: the agent knows certificates alone");
}

/** Ports of other protocols, to which fetch() sends nothing: the "bad ports" of its standard. */
const BAD_PORTS: ReadonlySet<string> = new Set(
  ("0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 " +
    "115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 " +
    "556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 " +
    "6666 6667 6668 6669 6679 6697 10080").split(" "),
);

function httpAddress(text: string, example: string): URL {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === null || !isHttp || url.search !== "" || url.hash !== "") {
    throw new ValueError(`give an address of HTTP, such as ${example}`);
  }
  if (!BAD_PORTS.has(url.port)) return url;
  throw new ValueError(`port ${url.port} is that of another protocol: choose another one`);
}

/**
 * A parser that takes some of `choices`, separated by commas.
 *
 * @throws {ValueError} (the parser) for anything else
 */
export function parseChoices<const T extends string>(choices: readonly T[]): (text: string) => T[] {
  const one = parseChoice(choices);
  return (text) => {
    try {
      return text.split(",").map(one);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new ValueError(`give some of ${choices.join(", ")}, separated by commas`);
    }
  };
}

/**
 * A parser that takes one of `choices`, spelled as they are.
 *
 * @throws {ValueError} (the parser) for anything else
 */
export function parseChoice<const T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((each) => each === text);
    if (choice !== undefined) return choice;
    throw new ValueError(`give one of ${choices.join(", ")}`);
  };
}
