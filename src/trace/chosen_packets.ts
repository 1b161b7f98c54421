/**
 * The records of those packets that have been at chosen interfaces, from there on, as if the trace had been
 * told so.
 *
 * @module
 */

import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { GENERATION, PACKET_BYTES } from "../probe/packet_record.ts";
import { CALL, EVENT_BYTES, KIND_MATCH, KIND_PACKET } from "../probe/record.ts";
import type { EventSink, PacketDetails, Step, View } from "./events.ts";
import { writeHead } from "./made_records.ts";
import type { InterfaceChoice } from "./packet_choice.ts";
import { PacketTable, UNKNOWN_PACKET } from "./packets.ts";
import { Place } from "./place.ts";
import { CallTree } from "./tree.ts";

/** Nothing is known of a packet. */
const UNKNOWN = -1;
const UNIT_WORDS = EVENT_BYTES / 4;
/** What begins a packet of which no bytes are known. */
const BEGIN_WORDS = Math.ceil(PACKET_BYTES / EVENT_BYTES) * UNIT_WORDS;

/**
 * Passes on the records of chosen packets. A packet that is chosen later than it was seen first begins there,
 * with the bytes that it had at first: no other record has them.
 */
export class ChosenPackets implements EventSink {
  readonly #to: EventSink;
  readonly #isChosen: InterfaceChoice;
  readonly #tree: CallTree;
  readonly #place = new Place();
  /** By slot: the packet's id, whether it is chosen, and what it began with. */
  readonly #id = new Float64Array(SLOTS).fill(UNKNOWN);
  readonly #chosen = new Uint8Array(SLOTS);
  readonly #begins: (Uint32Array | null)[] = new Array(SLOTS).fill(null);
  /** Whether a record has told that it meets the conditions of the recording. */
  readonly #matches = new Uint8Array(SLOTS);
  readonly #match = new Uint32Array(UNIT_WORDS);
  /** By call: whether it was passed on. */
  readonly #passed: boolean[] = [];
  /** The present record, whether it is passed on, and the slot of a packet that begins in front of it. */
  #words: Uint32Array = new Uint32Array();
  #at = 0;
  #bytes = 0;
  #passes = false;
  #begun = UNKNOWN;

  /** @param packets is told of all packets, those that are not chosen, too */
  constructor(
    to: EventSink,
    functionCount: number,
    isChosen: InterfaceChoice,
    packets: PacketTable = new PacketTable(),
  ) {
    this.#to = to;
    this.#isChosen = isChosen;
    this.#tree = new CallTree(this.#watch(), functionCount, { packets });
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    const { malformed, orphans } = this.#tree;
    this.#passes = false;
    this.#begun = UNKNOWN;
    this.#words = words;
    this.#at = at;
    this.#bytes = bytes;
    this.#tree.record(words, at, bytes);
    if (this.#tree.orphans > orphans) this.#passes = this.#chosen[words[at + CALL]! >>> 16] === 1;
    if (this.#begun !== UNKNOWN) this.#begin(this.#begun);
    if (this.#passes || this.#tree.malformed > malformed) this.#to.record(words, at, bytes);
  }

  lost(ahead: number): void {
    this.#tree.lost(ahead);
    this.#to.lost(ahead);
  }

  dry(): void {
    this.#to.dry();
  }

  #watch(): View {
    const place = this.#place;
    return {
      enter: (step) => {
        place.call(step);
        this.#look(step.packet, this.#tree.packets.id(step.packet));
        this.#passed[step.call] = this.#passes;
      },
      leave: (step) => {
        this.#passes = this.#passed[step.call] ?? false;
      },
      abandon: () => {},
      orphan: () => {},
      packet: (step, details) => this.#seen(step, details),
      copied: (step, details) => this.#copied(step, details),
      dropped: (step, { id, record }) => {
        place.dropped(record);
        this.#look(step.packet, id);
      },
      decided: (step, { id, record }) => {
        place.decided(record);
        this.#look(step.packet, id);
      },
      ended: (step, { id }) => {
        this.#pass(step.packet, id);
        // What frees it afterwards does not choose it.
        if (!this.#passes) this.#forget(step.packet & 0xffff, UNKNOWN);
      },
      matched: (step, { id }) => {
        this.#pass(step.packet, id);
        if (this.#id[step.packet & 0xffff] === id) this.#matches[step.packet & 0xffff] = 1;
      },
    };
  }

  /** Looks whether a packet is chosen by where it is. */
  #look(packet: number, id: number): void {
    const slot = packet & 0xffff;
    if (packet < 0 || id === UNKNOWN_PACKET || this.#id[slot] !== id) return;
    if (this.#chosen[slot] === 0 && this.#isChosen(this.#place)) {
      this.#chosen[slot] = 1;
      this.#begun = slot;
    }
    this.#passes = this.#chosen[slot] === 1;
  }

  #pass(packet: number, id: number): void {
    const slot = packet & 0xffff;
    this.#passes = packet >= 0 && id !== UNKNOWN_PACKET && this.#id[slot] === id &&
      this.#chosen[slot] === 1;
  }

  #seen({ packet }: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const slot = packet & 0xffff;
    if (this.#id[slot] !== details.id) this.#forget(slot, details.id);
    this.#place.seen(details);
    if (this.#chosen[slot] === 0 && this.#isChosen(this.#place)) this.#chosen[slot] = 1;
    this.#passes = this.#chosen[slot] === 1;
    this.#begins[slot] = this.#passes
      ? null
      : this.#words.slice(this.#at, this.#at + this.#bytes / 4);
  }

  /** A copy of a packet that is not chosen may be chosen later. */
  #copied({ packet }: Readonly<Step>, { id, parent }: Readonly<PacketDetails>): void {
    const slot = packet & 0xffff;
    const from = parent % SLOTS;
    const isKnown = parent !== UNKNOWN_PACKET && this.#id[from] === parent;
    if (this.#id[slot] !== id) {
      this.#forget(slot, id);
      if (isKnown) {
        this.#chosen[slot] = this.#chosen[from]!;
        this.#begins[slot] = this.#begins[from] ?? null;
        this.#matches[slot] = this.#matches[from]!;
      }
    }
    this.#passes = this.#chosen[slot] === 1;
  }

  #forget(slot: number, id: number): void {
    this.#id[slot] = id;
    this.#chosen[slot] = 0;
    this.#begins[slot] = null;
    this.#matches[slot] = 0;
  }

  /** Passes on that a packet begins, at the present record. */
  #begin(slot: number): void {
    const begin = this.#begins[slot]?.slice() ?? new Uint32Array(BEGIN_WORDS);
    this.#begins[slot] = null;
    const generation = Math.floor(this.#id[slot]! / SLOTS);
    const packet = slot | (generation & 0xff) << 16;
    writeHead(begin, KIND_PACKET, packet, this.#words, this.#at);
    begin[GENERATION] = generation;
    this.#to.record(begin, 0, begin.byteLength);
    if (this.#matches[slot] === 0) return;
    writeHead(this.#match, KIND_MATCH, packet, this.#words, this.#at);
    this.#to.record(this.#match, 0, EVENT_BYTES);
  }
}
