/**
 * Marks the packets of a recording that meet conditions, where they do, as the programs would have done.
 *
 * @module
 */

import { CPU_AND_KIND, EVENT_BYTES, KIND_MATCH, KIND_PACKET } from "../probe/record.ts";
import type { EventSink, PacketDetails, Step } from "./events.ts";
import { writeHead } from "./made_records.ts";
import type { ConditionChoice } from "./packet_choice.ts";
import { PassedRecords } from "./passed_records.ts";

/** No packet has this handle. */
const NOBODY = -1;
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

/** Passes on all records, with one more where a packet has met all conditions. Its state is what it has met. */
export class MarkedPackets extends PassedRecords {
  readonly #met: ConditionChoice;
  readonly #needed: number;
  readonly #mark = new Uint32Array(EVENT_BYTES / 4);
  /** Handle of the packet that meets the last condition at the present record. */
  #matched = NOBODY;

  constructor(to: EventSink, { functionCount, kinds, met, conditional }: MarkingOptions) {
    super(to, functionCount);
    this.#met = met;
    this.#needed = kinds | (conditional ? RECORDED : 0);
  }

  override record(words: Uint32Array, at: number, bytes: number): void {
    this.#matched = NOBODY;
    this.follow(words, at, bytes);
    const kind = words[at + CPU_AND_KIND]! >>> 16 & 0xff;
    const isFirst = kind === KIND_PACKET;
    // In front of a call and of a drop, so that whoever is told of these knows.
    if (this.#matched !== NOBODY && !isFirst) this.#tell(words, at);
    if (kind !== KIND_MATCH) this.to.record(words, at, bytes);
    if (this.#matched !== NOBODY && isFirst) this.#tell(words, at);
  }

  /** All are passed on. */
  protected override isWanted(): boolean {
    return true;
  }

  protected override seen({ packet }: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.states.begin(packet, details.id);
    this.place.seen(details);
    this.goesOn(packet, details.id);
  }

  protected override copied(
    { packet }: Readonly<Step>,
    { id }: Readonly<PacketDetails>,
    parent: number,
  ): void {
    // Whoever follows packets knows that a copy has met what the packet has.
    if (this.states.begin(packet, id)) this.states.set(packet, id, parent);
  }

  protected override goesOn(packet: number, id: number): void {
    this.#add(packet, id, this.#met(this.place));
  }

  protected override ends(packet: number, id: number): void {
    // What frees it afterwards does not choose it.
    this.states.forget(packet, id);
  }

  protected override matches(packet: number, id: number): void {
    this.#add(packet, id, RECORDED);
  }

  #add(packet: number, id: number, met: number): void {
    if (!this.states.has(packet, id)) return;
    const before = this.states.of(packet, id);
    const now = before | met & this.#needed;
    if (now === before) return;
    this.states.set(packet, id, now);
    if (now === this.#needed) this.#matched = packet;
  }

  #tell(words: Uint32Array, at: number): void {
    writeHead(this.#mark, KIND_MATCH, this.#matched, words, at);
    this.to.record(this.#mark, 0, EVENT_BYTES);
  }
}
