/**
 * What formats of other programs say of a drop, in the same words.
 *
 * @module
 */

import { DROP_BYTES, SOURCE, SOURCE_KERNEL } from "../probe/packet_record.ts";
import { EVENT_BYTES, FRAME } from "../probe/record.ts";
import { printable } from "../sys/printable.ts";
import type { Drop, DropSource } from "../trace/drop.ts";
import type { PacketDetails } from "../trace/events.ts";
import type { TraceContext } from "./view.ts";

/** A drop as far as it is known. */
export interface DropFacts {
  /** `FLOW_ACTION_DROP`, `NO_SOCKET`: without what all reasons of the enumeration begin with. */
  readonly reason: string;
  readonly by: DropSource;
  /** All else; `null` where nothing is known. */
  readonly drop: Drop | null;
  /** The record, as long as it is. It changes with the next event. */
  readonly record: Uint32Array;
}

/** What is known of the drop that an event tells of. */
export function dropFacts(
  { record: words, reason }: Readonly<PacketDetails>,
  { origin, reasons }: TraceContext,
): DropFacts {
  const length = Math.max(DROP_BYTES, (words[FRAME]! & 0xff) * EVENT_BYTES) / 4;
  const record = words.subarray(0, Math.min(length, words.length));
  const drop = origin?.drop(record) ?? null;
  const by = drop?.source ?? (record[SOURCE] === SOURCE_KERNEL ? "kernel" : "vrouter");
  const name = drop?.reason.name ?? (by === "vrouter" ? reasons?.(reason) : undefined);
  const short = name?.replace(/^(?:VP_DROP_|SKB_DROP_REASON_)/, "") ?? `${reason | 0}`;
  return { reason: printable(short), by, drop, record };
}
