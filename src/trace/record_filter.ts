/**
 * The records of those packets that match a filter, as if it had been there when they were recorded.
 *
 * @module
 */

import { MATCH, UNDECIDED } from "../packet/ebpf.ts";
import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { CALL } from "../probe/record.ts";
import type { EventSink, PacketDetails, Step, View } from "./events.ts";
import { PacketTable, UNKNOWN_PACKET } from "./packets.ts";
import { CallTree } from "./tree.ts";

/** A slot's packet is not known. */
const UNKNOWN = -1;

/** Tells whether a packet is wanted: `NO_MATCH`, `MATCH`, or `UNDECIDED`. */
export type PacketDecision = (bytes: Uint8Array, length: number) => number;

/**
 * Passes on the records of packets that match, and of their copies. A return has no packet: a tree of all calls
 * tells which it is of.
 */
export class RecordFilter implements EventSink {
  readonly #to: EventSink;
  readonly #decide: PacketDecision;
  readonly #tree: CallTree;
  /** By slot: the low bits of its generation, and what has been decided. */
  readonly #generation = new Int16Array(SLOTS).fill(UNKNOWN);
  readonly #decision = new Uint8Array(SLOTS);
  /** By call: whether it was passed on. */
  readonly #passed: boolean[] = [];
  #passes = false;
  #undecided = 0;

  /** @param packets is told of all packets, those that do not match, too */
  constructor(
    to: EventSink,
    functionCount: number,
    decide: PacketDecision,
    packets: PacketTable = new PacketTable(),
  ) {
    this.#to = to;
    this.#decide = decide;
    this.#tree = new CallTree(this.#watch(), functionCount, { packets });
  }

  /** Packets left out because too few of their bytes are recorded. */
  get undecided(): number {
    return this.#undecided;
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    const { malformed, orphans } = this.#tree;
    this.#passes = false;
    this.#tree.record(words, at, bytes);
    if (this.#tree.orphans > orphans) {
      this.#passes = this.#decision[words[at + CALL]! >>> 16] === MATCH;
    }
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
    const passIfWanted = (step: Readonly<Step>): void => {
      this.#passes = this.#isWanted(step.packet);
    };
    return {
      enter: (step) => {
        passIfWanted(step);
        this.#passed[step.call] = this.#passes;
      },
      leave: (step) => {
        this.#passes = this.#passed[step.call] ?? false;
      },
      abandon: () => {},
      orphan: () => {},
      packet: (step, details) => this.#seen(step, details),
      copied: (step, details) => this.#copied(step, details),
      dropped: passIfWanted,
      ended: passIfWanted,
      matched: passIfWanted,
      decided: passIfWanted,
    };
  }

  #seen(step: Readonly<Step>, { captured, header, length }: Readonly<PacketDetails>): void {
    if (!this.#isWanted(step.packet)) {
      const decision = captured === 0
        ? UNDECIDED
        : this.#decide(header.subarray(0, captured), length);
      this.#set(step.packet, decision);
      if (decision === UNDECIDED) this.#undecided++;
    }
    this.#passes = this.#isWanted(step.packet);
  }

  #copied(step: Readonly<Step>, { parent }: Readonly<PacketDetails>): void {
    const slot = parent % SLOTS;
    const isKnown = parent !== UNKNOWN_PACKET &&
      this.#generation[slot] === (Math.floor(parent / SLOTS) & 0xff);
    if (isKnown && !this.#isWanted(step.packet)) this.#set(step.packet, this.#decision[slot]!);
    this.#passes = this.#isWanted(step.packet);
  }

  #set(packet: number, decision: number): void {
    if (packet < 0) return;
    this.#generation[packet & 0xffff] = packet >>> 16;
    this.#decision[packet & 0xffff] = decision;
  }

  #isWanted(packet: number): boolean {
    const slot = packet & 0xffff;
    return packet >= 0 && this.#decision[slot] === MATCH &&
      this.#generation[slot] === packet >>> 16;
  }
}
