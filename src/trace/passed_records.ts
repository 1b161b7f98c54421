/**
 * The part that all have in common who look at the records of a recording, and pass on some of them as if the
 * trace had been told so.
 *
 * @module
 */

import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { CALL } from "../probe/record.ts";
import type { EventSink, PacketDetails, Step, View } from "./events.ts";
import { PacketTable, UNKNOWN_PACKET } from "./packets.ts";
import { Place } from "./place.ts";
import { CallTree } from "./tree.ts";

/** Nothing is known of a packet. */
const UNKNOWN = -1;

/** A byte for each packet: the latest one of each slot. */
export class PacketStates {
  readonly #id = new Float64Array(SLOTS).fill(UNKNOWN);
  readonly #state = new Uint8Array(SLOTS);

  /** Takes note of a packet, whose state is 0 if it is new. @returns whether it is */
  begin(packet: number, id: number): boolean {
    const slot = packet & 0xffff;
    if (packet < 0 || id === UNKNOWN_PACKET || this.#id[slot] === id) return false;
    this.#id[slot] = id;
    this.#state[slot] = 0;
    return true;
  }

  /** Whether it is known. */
  has(packet: number, id: number): boolean {
    return packet >= 0 && id !== UNKNOWN_PACKET && this.#id[packet & 0xffff] === id;
  }

  /** State of a packet; 0 if it is not known. */
  of(packet: number, id: number): number {
    return this.has(packet, id) ? this.#state[packet & 0xffff]! : 0;
  }

  /** State of a packet by its id alone. */
  ofId(id: number): number {
    return id === UNKNOWN_PACKET ? 0 : this.of(id % SLOTS, id);
  }

  /** That of the latest packet in a slot. */
  ofSlot(slot: number): number {
    return this.#state[slot]!;
  }

  /** Changes the state of a packet, if it is known. */
  set(packet: number, id: number, state: number): void {
    if (this.has(packet, id)) this.#state[packet & 0xffff] = state;
  }

  /** It is not known any more. */
  forget(packet: number, id: number): void {
    if (!this.has(packet, id)) return;
    this.#id[packet & 0xffff] = UNKNOWN;
    this.#state[packet & 0xffff] = 0;
  }
}

/**
 * Follows packets and calls by a tree. A return has no packet: it passes if its call has passed, and if the call
 * was lost, by the packet of its slot.
 */
export abstract class PassedRecords implements EventSink {
  protected readonly to: EventSink;
  protected readonly states: PacketStates = new PacketStates();
  /** Where the packet of the present record is. */
  protected readonly place: Place = new Place();
  /** Whether the present record is passed on. */
  protected passes = false;
  readonly #tree: CallTree;
  /** By call: whether it was passed on. */
  readonly #passed: boolean[] = [];

  /** @param packets is told of all packets, those that are not passed on, too */
  constructor(to: EventSink, functionCount: number, packets: PacketTable = new PacketTable()) {
    this.to = to;
    this.#tree = new CallTree(this.#watch(), functionCount, { packets });
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    if (this.follow(words, at, bytes)) this.to.record(words, at, bytes);
  }

  /** Takes note of a record. @returns whether it is to be passed on, as damaged ones are */
  protected follow(words: Uint32Array, at: number, bytes: number): boolean {
    const { malformed, orphans } = this.#tree;
    this.passes = false;
    this.#tree.record(words, at, bytes);
    if (this.#tree.orphans > orphans) {
      this.passes = this.isWanted(this.states.ofSlot(words[at + CALL]! >>> 16));
    }
    return this.passes || this.#tree.malformed > malformed;
  }

  lost(ahead: number): void {
    this.#tree.lost(ahead);
    this.to.lost(ahead);
  }

  dry(): void {
    this.to.dry();
  }

  /** Whether what happens to a packet in this state is passed on. */
  protected abstract isWanted(state: number): boolean;

  /** A packet is seen. */
  protected abstract seen(step: Readonly<Step>, details: Readonly<PacketDetails>): void;

  /** It is copied. @param parent state of the packet that it is copied from; 0 if that is not known */
  protected abstract copied(
    step: Readonly<Step>,
    details: Readonly<PacketDetails>,
    parent: number,
  ): void;

  /** It is called with, decided about or dropped, at {@linkcode place}. */
  protected goesOn(packet: number, id: number): void {
    this.pass(packet, id);
  }

  /** It ends. */
  protected ends(packet: number, id: number): void {
    this.pass(packet, id);
  }

  /** It has met the conditions of the recording. */
  protected matches(packet: number, id: number): void {
    this.pass(packet, id);
  }

  /** Passes the record on if its packet is wanted. */
  protected pass(packet: number, id: number): void {
    this.passes = this.isWanted(this.states.of(packet, id));
  }

  #watch(): View {
    return {
      enter: (step) => {
        this.place.call(step);
        this.goesOn(step.packet, this.#tree.packets.id(step.packet));
        this.#passed[step.call] = this.passes;
      },
      leave: (step) => {
        this.passes = this.#passed[step.call] ?? false;
      },
      abandon: () => {},
      orphan: () => {},
      packet: (step, details) => this.seen(step, details),
      copied: (step, details) => this.copied(step, details, this.states.ofId(details.parent)),
      dropped: ({ packet }, { id, record }) => {
        this.place.dropped(record);
        this.goesOn(packet, id);
      },
      decided: ({ packet }, { id, record }) => {
        this.place.decided(record);
        this.goesOn(packet, id);
      },
      ended: ({ packet }, { id }) => this.ends(packet, id),
      matched: ({ packet }, { id }) => this.matches(packet, id),
    };
  }
}
