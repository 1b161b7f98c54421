/**
 * Marks the packets of a recording that meet conditions, where they do, as the programs would have done.
 *
 * @module
 */

import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { CPU_AND_KIND, EVENT_BYTES, KIND_MATCH, KIND_PACKET } from "../probe/record.ts";
import type { EventSink, PacketDetails, Step, View } from "./events.ts";
import { writeHead } from "./made_records.ts";
import type { ConditionChoice } from "./packet_choice.ts";
import { UNKNOWN_PACKET } from "./packets.ts";
import { Place } from "./place.ts";
import { CallTree } from "./tree.ts";

/** Nothing is known of a packet. */
const UNKNOWN = -1;
/** Beside the bits of conditions: the packet has met those of the recording. */
const RECORDED = 1 << 7;

/** Which packets are marked. */
export interface MarkingOptions {
  readonly functionCount: number;
  /** The kinds that must be met: a bit for each. */
  readonly kinds: number;
  readonly met: ConditionChoice;
  /** Whether only packets count of which a record says that they match: then such records are replaced. */
  readonly conditional: boolean;
}

/** Passes on all records, with one more where a packet has met all conditions. */
export class MarkedPackets implements EventSink {
  readonly #to: EventSink;
  readonly #tree: CallTree;
  readonly #met: ConditionChoice;
  readonly #needed: number;
  readonly #place = new Place();
  readonly #mark = new Uint32Array(EVENT_BYTES / 4);
  /** By slot: the packet's id, and what it has met. */
  readonly #id = new Float64Array(SLOTS).fill(UNKNOWN);
  readonly #bits = new Uint8Array(SLOTS);
  /** Handle of the packet that meets the last condition at the present record. */
  #matched = UNKNOWN;

  constructor(to: EventSink, { functionCount, kinds, met, conditional }: MarkingOptions) {
    this.#to = to;
    this.#met = met;
    this.#needed = kinds | (conditional ? RECORDED : 0);
    this.#tree = new CallTree(this.#watch(), functionCount);
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    this.#matched = UNKNOWN;
    this.#tree.record(words, at, bytes);
    const kind = words[at + CPU_AND_KIND]! >>> 16 & 0xff;
    const isFirst = kind === KIND_PACKET;
    // In front of a call and of a drop, so that whoever is told of these knows.
    if (this.#matched >= 0 && !isFirst) this.#tell(words, at);
    if (kind !== KIND_MATCH) this.#to.record(words, at, bytes);
    if (this.#matched >= 0 && isFirst) this.#tell(words, at);
  }

  lost(ahead: number): void {
    this.#tree.lost(ahead);
    this.#to.lost(ahead);
  }

  dry(): void {
    this.#to.dry();
  }

  #tell(words: Uint32Array, at: number): void {
    writeHead(this.#mark, KIND_MATCH, this.#matched, words, at);
    this.#to.record(this.#mark, 0, EVENT_BYTES);
  }

  #watch(): View {
    const place = this.#place;
    const nothing = (): void => {};
    return {
      enter: (step) => {
        place.call(step);
        this.#look(step.packet, this.#tree.packets.id(step.packet));
      },
      leave: nothing,
      abandon: nothing,
      orphan: nothing,
      packet: (step, details) => {
        this.#begin(step.packet, details.id);
        place.seen(details);
        this.#look(step.packet, details.id);
      },
      copied: (step, details) => this.#copied(step, details),
      dropped: (step, { id, record }) => {
        place.dropped(record);
        this.#look(step.packet, id);
      },
      decided: (step, { id, record }) => {
        place.decided(record);
        this.#look(step.packet, id);
      },
      // What frees it afterwards does not choose it.
      ended: ({ packet }, { id }) => {
        if (this.#id[packet & 0xffff] === id) this.#id[packet & 0xffff] = UNKNOWN;
      },
      matched: (step, { id }) => this.#add(step.packet, id, RECORDED),
    };
  }

  #begin(packet: number, id: number): void {
    const slot = packet & 0xffff;
    if (this.#id[slot] === id) return;
    this.#id[slot] = id;
    this.#bits[slot] = 0;
  }

  #copied({ packet }: Readonly<Step>, { id, parent }: Readonly<PacketDetails>): void {
    const from = parent % SLOTS;
    const bits = parent !== UNKNOWN_PACKET && this.#id[from] === parent ? this.#bits[from]! : 0;
    const isNew = this.#id[packet & 0xffff] !== id;
    this.#begin(packet, id);
    // Whoever follows packets knows that a copy has met what the packet has.
    if (isNew) this.#bits[packet & 0xffff] = bits;
  }

  #look(packet: number, id: number): void {
    this.#add(packet, id, this.#met(this.#place));
  }

  #add(packet: number, id: number, met: number): void {
    const slot = packet & 0xffff;
    if (packet < 0 || id === UNKNOWN_PACKET || this.#id[slot] !== id) return;
    const before = this.#bits[slot]!;
    const now = before | met & this.#needed;
    if (now === before) return;
    this.#bits[slot] = now;
    if (now === this.#needed) this.#matched = packet;
  }
}
