/**
 * The records of those packets that match a filter, as if it had been there when they were recorded.
 *
 * @module
 */

import { MATCH, UNDECIDED } from "../packet/ebpf.ts";
import type { EventSink, PacketDetails, Step } from "./events.ts";
import { PacketTable } from "./packets.ts";
import { PassedRecords } from "./passed_records.ts";

/** Tells whether a packet is wanted: `NO_MATCH`, `MATCH`, or `UNDECIDED`. */
export type PacketDecision = (bytes: Uint8Array, length: number, cpu: number) => number;

/** The decision about a packet has been made; with it, its state is one of these. */
const DECIDED = 1 << 7;
const WANTED = DECIDED | MATCH;

/** Passes on the records of packets that match, and of their copies. */
export class RecordFilter extends PassedRecords {
  readonly #decide: PacketDecision;
  #undecided = 0;

  /**
   * @param decide asked once for each packet, and again while it is undecided
   * @param packets is told of all packets, those that do not match, too
   */
  constructor(
    to: EventSink,
    functionCount: number,
    decide: PacketDecision,
    packets: PacketTable = new PacketTable(),
  ) {
    super(to, functionCount, packets);
    this.#decide = decide;
  }

  /** Packets left out because too few of their bytes are recorded. */
  get undecided(): number {
    return this.#undecided;
  }

  protected override isWanted(state: number): boolean {
    return state === WANTED;
  }

  protected override seen({ packet, cpu }: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const { id, captured, header, length } = details;
    this.states.begin(packet, id);
    const before = this.states.of(packet, id);
    if ((before & DECIDED) === 0) {
      const decision = this.#decide(header.subarray(0, captured), length, cpu);
      if (before === UNDECIDED) this.#undecided--;
      if (decision === UNDECIDED) this.#undecided++;
      this.states.set(packet, id, decision === UNDECIDED ? UNDECIDED : DECIDED | decision);
    }
    this.pass(packet, id);
  }

  protected override copied(
    { packet }: Readonly<Step>,
    { id }: Readonly<PacketDetails>,
    parent: number,
  ): void {
    this.states.begin(packet, id);
    if (!this.isWanted(this.states.of(packet, id))) this.states.set(packet, id, parent);
    this.pass(packet, id);
  }
}
