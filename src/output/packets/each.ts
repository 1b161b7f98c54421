/**
 * Each packet as soon as it ends.
 *
 * @module
 */

import type { Journey } from "../../trace/journey.ts";
import type { PacketView } from "./view.ts";

/** Prints packets, up to a limit. */
export class EachPacket implements PacketView {
  #room: number;

  /**
   * @param print writes one
   * @param limit number of packets; `null` for no limit
   */
  constructor(readonly print: (journey: Journey) => void, limit: number | null) {
    this.#room = limit ?? Infinity;
  }

  get isFull(): boolean {
    return this.#room <= 0;
  }

  packet(journey: Journey): void {
    if (this.isFull) return;
    this.#room--;
    this.print(journey);
  }

  finish(): void {}
}
