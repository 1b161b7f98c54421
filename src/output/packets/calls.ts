/**
 * The calls of packets: as rows below the packet, and as objects for JSON.
 *
 * @module
 */

import { resultWords } from "../../kernel/result_type.ts";
import { NONE, type Step, type View } from "../../trace/events.ts";
import type { Journey } from "../../trace/journey.ts";
import type { CallEnd, JourneyCalls } from "../../trace/journey_calls.ts";
import { AnnotatedView } from "../annotated_text.ts";
import type { LineWriter } from "../line_writer.ts";
import { TextView } from "../text.ts";
import type { Shown } from "../view.ts";

/** What calls are named by. */
export interface CallWords {
  /** Names of functions, by the indexes used in steps. */
  readonly functions: readonly string[];
  /** Reasons for which vrouter drops packets, in words by their number. */
  readonly reasons: (number: number) => string;
  readonly shown: Shown;
}

/** Prints the calls of packets, as `vrft` does. */
export function callRows(
  writer: LineWriter,
  { functions, reasons, shown }: CallWords,
): (journey: Journey) => void {
  let number = 0;
  // By now, other packets may have taken its slot.
  const packets = { number: () => number, numberOf: () => 0 };
  const view = shown.items.size === 0 && !shown.colour
    ? new TextView(writer, functions, reasons)
    : new AnnotatedView(writer, { functions, packets, reasons, shown });
  return (journey) => {
    number = journey.number;
    journey.calls?.replay(view);
  };
}

/** A call as JSON has it. */
interface CallObject {
  readonly function: string;
  readonly depth: number;
  readonly cpu: number;
  readonly task: number;
  readonly monotonic: string;
  duration: number | null;
  end: "returned" | "return lost" | "trace ended";
  readonly reason: string | null;
  readonly vif?: number | null;
  readonly nexthop?: number | null;
  return?: string | null;
}

/** The calls of a packet, in the order of their starts. */
export function callObjects(calls: JourneyCalls, words: CallWords): readonly object[] {
  const list = new CallList(words);
  calls.replay(list);
  return list.objects;
}

class CallList implements View {
  readonly objects: CallObject[] = [];
  readonly #words: CallWords;
  readonly #open: { readonly object: CallObject; readonly begin: bigint }[] = [];

  constructor(words: CallWords) {
    this.#words = words;
  }

  enter(step: Readonly<Step>): void {
    const { functions, reasons, shown: { items } } = this.#words;
    const begin = timeOf(step);
    const object: CallObject = {
      function: functions[step.fn]!,
      depth: step.depth,
      cpu: step.cpu,
      task: step.task,
      monotonic: `${begin}`,
      duration: null,
      end: "trace ended",
      reason: step.reason === NONE ? null : reasons(step.reason),
      ...items.has("vif") ? { vif: step.vif === NONE ? null : step.vif >>> 0 } : {},
      ...items.has("nh") ? { nexthop: step.nexthop === NONE ? null : step.nexthop >>> 0 } : {},
      ...items.has("return") ? { return: null } : {},
    };
    this.objects.push(object);
    this.#open.push({ object, begin });
  }

  leave(step: Readonly<Step>): void {
    const call = this.#open.pop();
    if (call === undefined) return;
    call.object.end = "returned";
    call.object.duration = Number(timeOf(step) - call.begin);
    const { shown: { items, results } } = this.#words;
    const type = results[step.fn];
    if (items.has("return") && step.hasResult && type) {
      call.object.return = resultWords(type, step.resultLow, step.resultHigh);
    }
  }

  abandon(_step: Readonly<Step>, why: Exclude<CallEnd, "leave">): void {
    const call = this.#open.pop();
    if (call !== undefined) call.object.end = why;
  }

  orphan(): void {}
}

function timeOf({ low, high }: Readonly<Step>): bigint {
  return BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
}
