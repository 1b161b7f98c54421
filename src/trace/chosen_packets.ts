/**
 * The records of those packets that have been at chosen interfaces, from there on, as if the trace had been
 * told so.
 *
 * @module
 */

import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { GENERATION, PACKET_BYTES } from "../probe/packet_record.ts";
import { EVENT_BYTES, KIND_MATCH, KIND_PACKET } from "../probe/record.ts";
import type { EventSink, PacketDetails, Step } from "./events.ts";
import { writeHead } from "./made_records.ts";
import type { InterfaceChoice } from "./packet_choice.ts";
import { PacketTable } from "./packets.ts";
import { PassedRecords } from "./passed_records.ts";

// Bits of a packet's state.
/** It is chosen. */
const CHOSEN = 1;
/** A record has told that it meets the conditions of the recording. */
const MATCHES = 2;

const UNIT_WORDS = EVENT_BYTES / 4;
/** What begins a packet of which no bytes are known. */
const BEGIN_WORDS = Math.ceil(PACKET_BYTES / EVENT_BYTES) * UNIT_WORDS;

/**
 * Passes on the records of chosen packets. A packet that is chosen later than it was seen first begins there,
 * with the bytes that it had at first: no other record has them.
 */
export class ChosenPackets extends PassedRecords {
  readonly #isChosen: InterfaceChoice;
  /** By slot: what a packet that is not chosen began with. */
  readonly #begins: (Uint32Array | null)[] = new Array(SLOTS).fill(null);
  readonly #match = new Uint32Array(UNIT_WORDS);
  /** The present record. */
  #words: Uint32Array = new Uint32Array();
  #at = 0;
  #bytes = 0;

  /** @param packets is told of all packets, those that are not chosen, too */
  constructor(
    to: EventSink,
    functionCount: number,
    isChosen: InterfaceChoice,
    packets: PacketTable = new PacketTable(),
  ) {
    super(to, functionCount, packets);
    this.#isChosen = isChosen;
  }

  override record(words: Uint32Array, at: number, bytes: number): void {
    this.#words = words;
    this.#at = at;
    this.#bytes = bytes;
    super.record(words, at, bytes);
  }

  protected override isWanted(state: number): boolean {
    return (state & CHOSEN) !== 0;
  }

  protected override seen({ packet }: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const { id } = details;
    this.states.begin(packet, id);
    this.place.seen(details);
    if (this.#isChosen(this.place)) this.#add(packet, id, CHOSEN);
    this.pass(packet, id);
    this.#begins[packet & 0xffff] = this.passes
      ? null
      : this.#words.slice(this.#at, this.#at + this.#bytes / 4);
  }

  /** A copy of a packet that is not chosen may be chosen later. */
  protected override copied(
    { packet }: Readonly<Step>,
    { id, parent }: Readonly<PacketDetails>,
    state: number,
  ): void {
    if (this.states.begin(packet, id)) {
      const isKnown = this.states.has(parent % SLOTS, parent);
      this.#begins[packet & 0xffff] = isKnown ? this.#begins[parent % SLOTS]! : null;
      this.states.set(packet, id, state);
    }
    this.pass(packet, id);
  }

  /** Looks whether a packet is chosen by where it is. */
  protected override goesOn(packet: number, id: number): void {
    const isKnown = this.states.has(packet, id);
    if (isKnown && !this.isWanted(this.states.of(packet, id)) && this.#isChosen(this.place)) {
      this.#begin(packet, id);
    }
    this.pass(packet, id);
  }

  protected override ends(packet: number, id: number): void {
    this.pass(packet, id);
    // What frees it afterwards does not choose it.
    if (this.passes) return;
    this.states.forget(packet, id);
    this.#begins[packet & 0xffff] = null;
  }

  protected override matches(packet: number, id: number): void {
    this.#add(packet, id, MATCHES);
    this.pass(packet, id);
  }

  #add(packet: number, id: number, bit: number): void {
    this.states.set(packet, id, this.states.of(packet, id) | bit);
  }

  /** Passes on that a packet begins, in front of the present record. */
  #begin(packet: number, id: number): void {
    const slot = packet & 0xffff;
    const begin = this.#begins[slot]?.slice() ?? new Uint32Array(BEGIN_WORDS);
    this.#begins[slot] = null;
    this.#add(packet, id, CHOSEN);
    writeHead(begin, KIND_PACKET, packet, this.#words, this.#at);
    begin[GENERATION] = Math.floor(id / SLOTS);
    this.to.record(begin, 0, begin.byteLength);
    if ((this.states.of(packet, id) & MATCHES) === 0) return;
    writeHead(this.#match, KIND_MATCH, packet, this.#words, this.#at);
    this.to.record(this.#match, 0, EVENT_BYTES);
  }
}
