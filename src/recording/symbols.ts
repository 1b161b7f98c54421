/**
 * Names for the addresses that records have. All of /proc/kallsyms is ten megabytes, so only the symbols that
 * occur are recorded.
 *
 * @module
 */

import { TEXT_BASE, TextSymbols } from "../kernel/text_symbols.ts";
import {
  DECIDED_BRIDGE,
  DECIDED_PREFIX,
  DECISION,
  DECISION_BYTES,
  ROUTE_REACH as LOOKUP_REACH,
} from "../probe/decision_record.ts";
import {
  DROP_BYTES,
  DROP_STACK,
  LOCATION_LOW,
  NEXTHOP_REACH,
  ROUTE_REACH,
  STACK_DEPTH,
} from "../probe/packet_record.ts";
import { CPU_AND_KIND, KIND_DECISION, KIND_DROP } from "../probe/record.ts";
import type { RecordedSymbol } from "./sections.ts";

const TEXT_HIGH = Number(TEXT_BASE >> 32n);
/** Addresses at most; what occurs beyond stays without a name. */
const MAX_ADDRESSES = 65_536;

/** Words of a drop's record with the low half of an address, behind which the high half is. */
const ADDRESSES: readonly number[] = [
  LOCATION_LOW,
  NEXTHOP_REACH,
  ROUTE_REACH,
  ...Array.from({ length: STACK_DEPTH }, (_, frame) => DROP_STACK + 2 * frame),
];

/** Finds the symbols of the addresses in records, from the first drop on. */
export class OccurringSymbols {
  readonly #kallsyms: () => Uint8Array;
  #symbols: TextSymbols | undefined;
  /** Low halves of the addresses seen. */
  readonly #seen = new Set<number>();
  /** Likewise, that have no names as long as there are no drops. */
  readonly #waiting = new Set<number>();
  /** Low halves of the symbols' addresses. */
  readonly #known = new Set<number>();
  #found: RecordedSymbol[] = [];

  /** @param kallsyms contents of /proc/kallsyms, read at the first drop */
  constructor(kallsyms: () => Uint8Array) {
    this.#kallsyms = kallsyms;
  }

  /** Takes note of a record's addresses, if it has any. */
  note(words: Uint32Array, at: number, bytes: number): void {
    const kind = (words[at + CPU_AND_KIND]! >>> 16) & 0xff;
    if (kind === KIND_DECISION) {
      const decision = words[at + DECISION];
      if (decision !== DECIDED_BRIDGE && decision !== DECIDED_PREFIX) return;
      if (bytes >= DECISION_BYTES) this.#reach(words[at + LOOKUP_REACH]!);
      return;
    }
    if (kind !== KIND_DROP || bytes < DROP_BYTES) return;
    for (const word of ADDRESSES) {
      if (words[at + word + 1] === TEXT_HIGH) this.#address(words[at + word]!);
    }
    for (const low of this.#waiting) this.#address(low);
    this.#waiting.clear();
  }

  /** The symbols found since the last call. */
  take(): readonly RecordedSymbol[] {
    if (this.#found.length === 0) return this.#found;
    const found = this.#found;
    this.#found = [];
    return found;
  }

  /**
   * Of a lookup, which only a drop is explained by: to read the symbols takes too long to do it for all
   * recordings.
   */
  #reach(low: number): void {
    if (low === 0 || this.#seen.has(low)) return;
    if (this.#symbols !== undefined) this.#address(low);
    else if (this.#waiting.size < MAX_ADDRESSES) this.#waiting.add(low);
  }

  #address(low: number): void {
    if (this.#seen.has(low) || this.#seen.size >= MAX_ADDRESSES) return;
    this.#seen.add(low);
    this.#symbols ??= new TextSymbols(this.#kallsyms());
    // A return address may be just behind the function that called.
    for (const address of [low - 1, low]) {
      const symbol = this.#symbols.containing(address);
      if (symbol === undefined || this.#known.has(symbol.start)) continue;
      this.#known.add(symbol.start);
      this.#found.push([TEXT_BASE + BigInt(symbol.start), symbol.name]);
    }
  }
}
