/**
 * Which packets of a trace with conditions (`--vif`, `--vrf`) have met them.
 *
 * @module
 */

import type { PacketDetails, Step, View } from "./events.ts";
import { UNKNOWN_PACKET } from "./packets.ts";

/** Ids that are kept: more than packets are on their way at a time. */
const MAX_KEPT = 1 << 17;

/** A view in front of another one, which notes what packets have met the conditions. */
export class MatchedPackets implements View {
  readonly #view: View;
  readonly #matched = new Set<number>();
  readonly #limit: number;

  /** @param view is told everything */
  constructor(view: View, limit: number = MAX_KEPT) {
    this.#view = view;
    this.#limit = limit;
  }

  /** Whether a packet, or the one that it is a copy of, has met all conditions. */
  has(id: number): boolean {
    return this.#matched.has(id);
  }

  enter(step: Readonly<Step>): void {
    this.#view.enter(step);
  }

  leave(step: Readonly<Step>): void {
    this.#view.leave(step);
  }

  abandon(step: Readonly<Step>, why: Parameters<View["abandon"]>[1]): void {
    this.#view.abandon(step, why);
  }

  orphan(step: Readonly<Step>): void {
    this.#view.orphan(step);
  }

  packet(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#view.packet?.(step, details);
  }

  copied(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    if (this.#matched.has(details.parent)) this.#add(details.id);
    this.#view.copied?.(step, details);
  }

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#view.dropped?.(step, details);
  }

  ended(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#view.ended?.(step, details);
  }

  matched(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#add(details.id);
    this.#view.matched?.(step, details);
  }

  decided(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#view.decided?.(step, details);
  }

  #add(id: number): void {
    if (id === UNKNOWN_PACKET) return;
    this.#matched.add(id);
    if (this.#matched.size <= this.#limit) return;
    const [oldest] = this.#matched;
    this.#matched.delete(oldest!);
  }
}
