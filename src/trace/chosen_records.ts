/**
 * The records that a trace would have had which was asked for less than was recorded.
 *
 * @module
 */

import { DROP_BYTES, NO_FUNCTION, SOURCE, SOURCE_KERNEL } from "../probe/packet_record.ts";
import {
  CALL,
  CPU_AND_KIND,
  FUNCTION_MASK,
  KIND_DECISION,
  KIND_DROP,
  KIND_ENTRY,
  KIND_LONG_ENTRY,
  KIND_LONG_RETURN,
  KIND_RETURN,
} from "../probe/record.ts";
import { forgetFlow } from "./dropped_records.ts";
import type { EventSink } from "./events.ts";

/** What is asked for. */
export interface RecordChoice {
  /** The begin, the copies and the end of packets, and which have met conditions. */
  readonly packets: boolean;
  /** vrouter's drops, and the kernel's. */
  readonly drops: boolean;
  readonly kernelDrops: boolean;
  readonly decisions: boolean;
  /** Whether drops tell the flows of their packets, which only who knows decisions has. */
  readonly flows: boolean;
  /** By function: whether its calls are; `null` for all. */
  readonly functions: readonly boolean[] | null;
}

/** Passes on what is asked for. */
export function chosenRecords(to: EventSink, choice: RecordChoice): EventSink {
  const { packets, drops, kernelDrops, decisions, flows, functions } = choice;
  const isChosen = (call: number): boolean =>
    functions === null || (functions[call & FUNCTION_MASK] ?? false);
  const passes = (words: Uint32Array, at: number): boolean => {
    const call = words[at + CALL]!;
    switch ((words[at + CPU_AND_KIND]! >>> 16) & 0xff) {
      case KIND_ENTRY:
      case KIND_RETURN:
      case KIND_LONG_ENTRY:
      case KIND_LONG_RETURN:
        return isChosen(call);
      case KIND_DROP:
        if (words[at + SOURCE] === SOURCE_KERNEL) return kernelDrops;
        return drops && ((call & FUNCTION_MASK) === NO_FUNCTION || isChosen(call));
      case KIND_DECISION:
        return decisions;
      default:
        return packets;
    }
  };
  return {
    record(words, at, bytes): void {
      if (!passes(words, at)) return;
      const isDrop = (words[at + CPU_AND_KIND]! >>> 16 & 0xff) === KIND_DROP;
      if (flows || !isDrop || bytes < DROP_BYTES) return to.record(words, at, bytes);
      const record = words.slice(at, at + bytes / 4);
      forgetFlow(record);
      to.record(record, 0, bytes);
    },
    lost: (ahead) => to.lost(ahead),
    dry: () => to.dry(),
  };
}
