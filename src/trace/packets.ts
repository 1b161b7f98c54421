/**
 * The packets of a trace, as its records tell of them. A packet's id is its slot in the programs' table
 * and how often that slot has been taken (its generation). Records of calls carry the slot and the low
 * 8 bits of the generation, together the packet's handle; the record of a new packet tells the rest.
 *
 * @module
 */

import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";

/** No packet has this id. */
export const UNKNOWN_PACKET = -1;

// States of a slot.
const UNUSED = 0;
const ALIVE = 1;
const ENDED = 2;

const BEGUN = 0;
const FINISHED = 1;
const OUT_OF_SIGHT = 2;
const STRAY = 3;
const COUNTS = 4;

/** Counts of packets. {@linkcode begun} is the sum of the next three. */
export interface PacketTotals {
  /** Packets whose begin was seen. */
  readonly begun: number;
  /** Those whose end was seen. */
  readonly ended: number;
  /** Those that have not ended. */
  readonly inside: number;
  /** Those whose slot was taken by another packet before their end was seen. */
  readonly outOfSight: number;
  /** Ends of packets whose begin was not seen. */
  readonly stray: number;
}

/** The id of a packet, at most 48 bits. */
export function packetId(slot: number, generation: number): number {
  return generation * SLOTS + slot;
}

/** The latest packet of each slot. Allocates nothing but its arrays, 1.4 MB. */
export class PacketTable implements PacketTotals {
  readonly #generation = new Uint32Array(SLOTS);
  readonly #parent = new Float64Array(SLOTS);
  readonly #number = new Float64Array(SLOTS);
  readonly #state = new Uint8Array(SLOTS);
  readonly #counts = new Float64Array(COUNTS);
  readonly #numbers: Pick<PacketTable, "numberOf"> | null;

  /** @param numbers told of the packets before this one, and of more; those that it knows have its numbers */
  constructor(numbers: Pick<PacketTable, "numberOf"> | null = null) {
    this.#numbers = numbers;
  }

  get begun(): number {
    return this.#counts[BEGUN]!;
  }

  get ended(): number {
    return this.#counts[FINISHED]!;
  }

  get inside(): number {
    return this.begun - this.ended - this.outOfSight;
  }

  get outOfSight(): number {
    return this.#counts[OUT_OF_SIGHT]!;
  }

  get stray(): number {
    return this.#counts[STRAY]!;
  }

  /**
   * A packet takes a slot. One that is already there stays; only its parent may become known.
   *
   * @param slot 0 to 65535
   * @param generation of 32 bits
   * @param parent id of the packet that it is a copy of, or {@linkcode UNKNOWN_PACKET}
   * @returns its id
   */
  begin(slot: number, generation: number, parent: number): number {
    const state = this.#state[slot]!;
    if (state === UNUSED || this.#generation[slot] !== generation) {
      if (state === ALIVE) this.#counts[OUT_OF_SIGHT]!++;
      this.#counts[BEGUN]!++;
      this.#generation[slot] = generation;
      this.#parent[slot] = parent;
      this.#number[slot] = this.#numbers?.numberOf(packetId(slot, generation)) ||
        this.#counts[BEGUN]!;
      this.#state[slot] = ALIVE;
    } else if (parent !== UNKNOWN_PACKET) {
      this.#parent[slot] = parent;
    }
    return packetId(slot, generation);
  }

  /**
   * A packet ends.
   *
   * @param handle see {@linkcode id}
   */
  end(handle: number): void {
    const slot = handle & 0xffff;
    const alive = this.#state[slot] === ALIVE;
    if (alive && this.#isLatest(handle)) {
      this.#counts[FINISHED]!++;
      this.#state[slot] = ENDED;
      return;
    }
    this.#counts[STRAY]!++;
    // Of a later packet, whose begin was lost: it had taken the slot.
    const ahead = ((handle >>> 16) - this.#generation[slot]!) & 0xff;
    if (alive && ahead < 0x80) {
      this.#counts[OUT_OF_SIGHT]!++;
      this.#state[slot] = UNUSED;
    }
  }

  /**
   * The id of a packet that has begun; it may have ended. {@linkcode UNKNOWN_PACKET} if its begin was not
   * seen, or its slot has another packet since.
   *
   * @param handle slot in bits 0-15, low bits of the generation in bits 16-23; below 0 for no packet
   */
  id(handle: number): number {
    const slot = handle & 0xffff;
    return this.#isLatest(handle) ? packetId(slot, this.#generation[slot]!) : UNKNOWN_PACKET;
  }

  /** The packets of a trace, counted from 1 in the order of their begins; 0 where {@linkcode id} knows none. */
  number(handle: number): number {
    return this.#isLatest(handle) ? this.#number[handle & 0xffff]! : 0;
  }

  /** {@linkcode number} of the packet with this id, if it is still the latest in its slot; else 0. */
  numberOf(id: number): number {
    const slot = id % SLOTS;
    const isLatest = id >= 0 && this.#state[slot] !== UNUSED &&
      this.#generation[slot] === Math.floor(id / SLOTS);
    return isLatest ? this.#number[slot]! : 0;
  }

  /** The id of the packet that this one was copied from, or {@linkcode UNKNOWN_PACKET}. */
  parent(handle: number): number {
    return this.#isLatest(handle) ? this.#parent[handle & 0xffff]! : UNKNOWN_PACKET;
  }

  /** Whether the packet has begun and not ended. */
  isInside(handle: number): boolean {
    return this.#state[handle & 0xffff] === ALIVE && this.#isLatest(handle);
  }

  /** Whether the packet is the latest in its slot. */
  #isLatest(handle: number): boolean {
    const slot = handle & 0xffff;
    return handle >= 0 && this.#state[slot] !== UNUSED &&
      (this.#generation[slot]! & 0xff) === ((handle >>> 16) & 0xff);
  }
}
