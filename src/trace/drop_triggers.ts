/**
 * Which drops trigger a recording, by their records alone: a table says it of all but a few reasons, so that a flood
 * of drops costs next to nothing.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import {
  DROP_BYTES,
  DROP_CAPTURED,
  DROP_LENGTH,
  LOCATION_LOW,
  REASON,
  SEGMENTATION_SHIFT,
  SEGMENTED,
  SOURCE,
  SOURCE_KERNEL,
} from "../probe/packet_record.ts";
import { DROP_CAUSES } from "../vrouter/drop_causes.ts";
import type { DropReasons } from "../vrouter/drop_reasons.ts";
import type { Drop } from "./drop.ts";
import { reasonFilter } from "./drop_words.ts";

/** Numbers of reasons that the tables have: more than there are. */
const NUMBERS = 1024;
const NO = 0;
const YES = 1;
/** It depends on what led there. */
const ASK = 2;
/** Places in the kernel whose drops have been asked for, at most. */
const MAX_PLACES = 256;
const HOUSEKEEPING = "housekeeping";

/** Which drops. */
export interface DropTriggerOptions {
  /** All that `vrft drops` shows: what is freed in the course of things is not among them. */
  readonly all: boolean;
  /** Besides, those with these reasons, as the user calls them. */
  readonly reasons: readonly string[];
  /** The words of the kernel and of the module. */
  readonly kernel: Pick<Btf, "enumNames">;
  readonly vrouter: DropReasons;
  /** A drop by its record; `null` if that is damaged. */
  readonly drop: (record: Uint32Array) => Drop | null;
}

/** Whether a record of a drop is a trigger: that at a position in words, of so many bytes. */
export type DropTrigger = (words: Uint32Array, at: number, bytes: number) => boolean;

/**
 * Makes the test of a drop's record.
 *
 * @throws {Failure} `usage` for a word that means no reason
 */
export function dropTrigger(
  { all, reasons, kernel, vrouter, drop }: DropTriggerOptions,
): DropTrigger {
  const wanted = reasonFilter(reasons, kernel, vrouter);
  const table = (source: Drop["source"]): Uint8Array =>
    Uint8Array.from({ length: NUMBERS }, (_, number) => {
      const reason = { number, name: "", label: "", class: "lost" } as const;
      if (wanted({ source, reason })) return YES;
      if (!all) return NO;
      return source === "kernel" ? ASK : classesOf(number, vrouter);
    });
  const [ofVrouter, ofKernel] = [table("vrouter"), table("kernel")];
  const ask = (words: Uint32Array, at: number, bytes: number): boolean => {
    const found = drop(words.subarray(at, at + bytes / 4));
    return found !== null && found.reason.class !== HOUSEKEEPING;
  };
  // By the low half of the address.
  const places = new Map<number, boolean>();
  const askOnce = (words: Uint32Array, at: number, bytes: number): boolean => {
    const place = words[at + LOCATION_LOW]!;
    let known = places.get(place);
    if (known === undefined) {
      known = ask(words, at, bytes);
      if (places.size < MAX_PLACES) places.set(place, known);
    }
    return known;
  };
  return (words, at, bytes) => {
    if (bytes < DROP_BYTES) return false;
    const reason = words[at + REASON]!;
    if (words[at + SOURCE] !== SOURCE_KERNEL) {
      const known = reason < NUMBERS ? ofVrouter[reason]! : all ? YES : NO;
      return known === ASK ? ask(words, at, bytes) : known === YES;
    }
    const known = reason < NUMBERS ? ofKernel[reason]! : all ? ASK : NO;
    if (known !== ASK) return known === YES;
    // What has no bytes is no packet.
    if (words[at + DROP_LENGTH] === 0) return false;
    const isSegmented = words[at + DROP_CAPTURED]! >>> SEGMENTATION_SHIFT === SEGMENTED;
    return !isSegmented || askOnce(words, at, bytes);
  };
}

/** Whether drops for a reason of vrouter are more than housekeeping. */
function classesOf(number: number, reasons: DropReasons): number {
  const { name, class: kind } = reasons.reason(number);
  const classes = [
    kind,
    ...DROP_CAUSES.filter(({ reason }) => reason === name).map((cause) => cause.class ?? kind),
  ];
  if (!classes.includes(HOUSEKEEPING)) return YES;
  return classes.every((one) => one === HOUSEKEEPING) ? NO : ASK;
}
