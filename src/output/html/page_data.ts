/**
 * What the page of a trace has of it: one block of bytes, compressed (deflate) and in base64. First the length of
 * a JSON text (4 bytes, little-endian), then that text, a {@linkcode PageData}, then the calls of all packets
 * as `calls.ts` writes them.
 *
 * A column has a number for each packet, drop or chain. Columns of texts, functions and the like have
 * indexes, -1 for none.
 *
 * @module
 */

import type { DropClass } from "../../trace/drop.ts";
import type { Outcome, StageName } from "../../trace/journey.ts";
import type { Times } from "../../trace/percentiles.ts";
import type { Bucket } from "../../trace/stage_statistics.ts";

/** Of the layout; the page and what is in it are written together, so it only guards against mistakes. */
export const PAGE_VERSION = 1;

/** How a text is meant: the words that say what became of a packet, and the lines of its way. */
export const TONES = ["plain", "good", "bad", "warning", "agent", "lost", "dim"] as const;

/** One of {@linkcode TONES}. */
export type Tone = typeof TONES[number];

/** Packets, in the order in which their ways were over. */
export interface PacketColumns {
  readonly number: readonly number[];
  /** Number of the packet that it was copied from; 0 if it is no copy, -1 if that was not seen. */
  readonly parent: readonly number[];
  /** Nanoseconds since {@linkcode PageData.start}. */
  readonly begin: readonly number[];
  readonly duration: readonly number[];
  /** Texts: the packet, where it came in, what became of it. */
  readonly text: readonly number[];
  readonly place: readonly number[];
  readonly outcome: readonly number[];
  /** Index in {@linkcode PageData.outcomes}. */
  readonly type: readonly number[];
  /** Index in {@linkcode TONES}. */
  readonly tone: readonly number[];
  /** 1 if records were lost while it was on its way. */
  readonly incomplete: readonly number[];
  /** How many stages it went through; {@linkcode stage} and {@linkcode stageTime} have those of all packets. */
  readonly stages: readonly number[];
  readonly stage: readonly number[];
  readonly stageTime: readonly number[];
  /** Likewise the lines that say what was decided, as {@linkcode PageData.lines} has them. */
  readonly lines: readonly number[];
  readonly line: readonly number[];
  /** Calls, and the bytes that those take. */
  readonly calls: readonly number[];
  readonly callBytes: readonly number[];
  /** Begin of the first call, nanoseconds since {@linkcode PageData.start}. */
  readonly firstCall: readonly number[];
  /** Calls that are not in the page. */
  readonly callsOmitted: readonly number[];
}

/** Drops, in the order of their events. */
export interface DropColumns {
  /** Nanoseconds since {@linkcode PageData.start}. */
  readonly time: readonly number[];
  /** Index in {@linkcode PageData.reasons}. */
  readonly reason: readonly number[];
  /** Texts: the vif, the nexthop, the packet. */
  readonly vif: readonly number[];
  readonly nexthop: readonly number[];
  readonly text: readonly number[];
  readonly fn: readonly number[];
  /** Row of the packet. */
  readonly packet: readonly number[];
}

/** Chains of calls, each in front of those that are longer by one. */
export interface FlameColumns {
  readonly fn: readonly number[];
  readonly depth: readonly number[];
  /** Nanoseconds in the last function, without the calls inside it. */
  readonly self: readonly number[];
  readonly calls: readonly number[];
}

/** How long packets were in a stage. */
export interface StageRow {
  readonly name: string;
  readonly isWait: boolean;
  readonly times: Times;
  readonly histogram: readonly Bucket[];
}

/** Why packets were dropped. */
export interface ReasonRow {
  readonly label: string;
  /** `unknown` if nothing is known of it. */
  readonly class: DropClass;
}

/** Everything but the calls. */
export interface PageData {
  readonly version: typeof PAGE_VERSION;
  readonly program: string;
  readonly host: string;
  readonly kernel: string;
  /** Wall clock at the first event, milliseconds since 1970; `null` if it is not known. */
  readonly start: number | null;
  /** Nanoseconds from the first to the last event. */
  readonly duration: number;
  /** What is missing. */
  readonly missing: readonly string[];
  /** What the trace has; the page may have less. */
  readonly counts: { readonly packets: number; readonly calls: number; readonly drops: number };
  readonly functions: readonly string[];
  readonly texts: readonly string[];
  readonly lines: readonly (readonly [text: number, tone: number])[];
  readonly outcomes: readonly Outcome["type"][];
  readonly stageNames: readonly StageName[];
  readonly reasons: readonly ReasonRow[];
  readonly packets: PacketColumns;
  readonly stages: readonly StageRow[];
  readonly drops: DropColumns;
  readonly flame: FlameColumns;
}
