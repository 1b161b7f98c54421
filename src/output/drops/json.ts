/**
 * Drops as JSON lines: docs/schema/drops.schema.json describes them.
 *
 * @module
 */

import { printableJsonLine } from "../../sys/printable.ts";
import type { Drop, DropReason, DropVif, Reconciled } from "../../trace/drop.ts";
import type { LineWriter } from "../line_writer.ts";
import type { DropPhrases, DropView } from "./view.ts";
import { universalTime } from "./wall_clock.ts";

/** Writes an object for each drop and each counter. */
export class DropJson implements DropView {
  readonly #writer: LineWriter;
  readonly #words: Pick<DropPhrases, "packet" | "hints">;
  readonly #offset: bigint;
  readonly #hints: boolean;

  /**
   * @param offset nanoseconds that CLOCK_REALTIME is ahead of CLOCK_MONOTONIC
   * @param hints whether each drop has the commands that tell more
   */
  constructor(
    writer: LineWriter,
    words: Pick<DropPhrases, "packet" | "hints">,
    offset: bigint,
    hints: boolean,
  ) {
    this.#writer = writer;
    this.#words = words;
    this.#offset = offset;
    this.#hints = hints;
  }

  begin(): void {}

  drop(drop: Drop): void {
    this.#write({
      type: "drop",
      time: universalTime(drop.time, this.#offset),
      monotonic: `${drop.time}`,
      cpu: drop.cpu,
      ...whyDropped(drop),
      vif: vifOf(drop.vif),
      direction: drop.direction,
      vrf: drop.vrf,
      device: drop.device,
      length: drop.length,
      packet: this.#words.packet(drop),
      bytes: drop.bytes.toHex(),
      ...this.#hints ? { hints: this.#words.hints(drop) } : {},
    });
  }

  reconciled(counters: readonly Reconciled[]): void {
    for (const { reason, vif, module, seen, exception } of counters) {
      const counter = { reason: reasonOf(reason), vif: vifOf(vif), module, seen, exception };
      this.#write({ type: "counter", ...counter });
    }
  }

  turn(): void {}

  finish(): void {}

  #write(object: object): void {
    this.#writer.text(printableJsonLine(object));
  }
}

/** Who dropped a packet, and why. */
export function whyDropped(drop: Drop): object {
  const { source, reason, cause, flow, route, nexthop, stack } = drop;
  return {
    source,
    reason: reasonOf(reason),
    cause,
    flow: flow && { index: flow.index, reverse: flow.reverse, action: flow.action },
    route: route && { vrf: route.vrf, key: route.key, nexthop: nexthopOf(route.nexthop) },
    nexthop: nexthopOf(nexthop),
    stack,
  };
}

function reasonOf({ number, name, label, class: kind }: DropReason): object {
  return { number, name, label, class: kind };
}

/** A vif, or `null`. */
export function vifOf(vif: DropVif | null): object | null {
  return vif && { index: vif.index, device: vif.device };
}

function nexthopOf(nexthop: Drop["nexthop"]): object | null {
  return nexthop && { id: nexthop.id, type: nexthop.type, reach: nexthop.reach };
}
