/**
 * What is kept of a packet while it is on its way.
 *
 * @module
 */

import { decodePacket } from "../packet/decode.ts";
import { isDestination, isPlainDestination, isSource } from "../packet/facts.ts";
import type { DecodedPacket } from "../packet/headers.ts";
import { DecisionList, type Encapsulation } from "./decision_list.ts";
import type { ChosenVif } from "./decisions.ts";
import type { DropVif } from "./drop.ts";
import { NONE } from "./events.ts";
import type { Journey, Outcome, Stage } from "./journey.ts";
import type { JourneyCalls } from "./journey_calls.ts";
import { type StepTime, Timeline } from "./timeline.ts";

/** A packet in its slot, whether it is on its way through vrouter or elsewhere. */
export class Sight {
  readonly id: number;
  readonly generation: number;
  /** See `PacketTable.number()`. */
  readonly number: number;
  /** Of the packet that it was copied from, and the number of that one if it has a journey. */
  parent: number | null = null;
  parentNumber: number | null = null;
  length = 0;
  bytes: Uint8Array = NO_BYTES;
  /** Whether {@linkcode bytes} are its own, and not those of the packet that it was copied from. */
  hasBytes = false;
  vif: DropVif | null = null;
  vrf: number | null = null;
  device: string | null = null;
  /** On its way, or to be; `null` afterwards. */
  traveller: Traveller | null = null;
  /** Whether it has come into vrouter: it has a journey. */
  hasCome = false;
  /** Whether it is known where it comes in next. */
  isPlaced = true;
  hasEnded = false;
  #decoded: DecodedPacket | undefined;

  constructor(id: number, generation: number, number: number) {
    this.id = id;
    this.generation = generation;
    this.number = number;
  }

  /** It has left, and comes in again: that is to be seen. */
  leave(): void {
    this.vif = null;
    this.vrf = null;
    this.device = null;
    this.hasBytes = false;
    this.isPlaced = true;
  }

  /** Takes over what a copy has from its original. */
  inherit(original: Sight): void {
    this.parent = original.id;
    this.parentNumber = original.hasCome ? original.number : null;
    this.length = original.length;
    this.bytes = original.bytes;
    this.vif = original.vif;
    this.vrf = original.vrf;
    this.device = original.device;
  }

  /** Likewise a copy that vrouter has made itself, of which the bytes may have been seen. */
  adopt(original: Sight): void {
    const { hasBytes, bytes, length } = this;
    this.inherit(original);
    if (hasBytes) this.see(bytes, length);
  }

  /** The packet's own first bytes are seen. */
  see(bytes: Uint8Array, length: number): void {
    this.bytes = bytes;
    this.length = length;
    this.hasBytes = true;
    this.#decoded = undefined;
  }

  /**
   * Whether an address is where it comes from, and not where it goes to.
   *
   * @param words the same address
   */
  isOnlySource(address: Uint8Array, words: string): boolean {
    if (isPlainDestination(this.bytes, address)) return false;
    const packet = this.#decode();
    return isSource(packet, words) && !isDestination(packet, words);
  }

  /** The label or VNI that it came with; `null` if that is not at hand. */
  encapsulation(kind: Encapsulation): number | null {
    const { outer: { tunnel } } = this.#decode();
    return (kind === "vni" ? tunnel?.vni : tunnel?.labels[0]) ?? null;
  }

  #decode(): DecodedPacket {
    return this.#decoded ??= decodePacket(this.bytes, this.length);
  }
}

const NO_BYTES = new Uint8Array();

/** A packet's way through vrouter. */
export class Traveller {
  readonly sight: Sight;
  readonly timeline = new Timeline();
  readonly decisions = new DecisionList();
  /** Whether a function between stages has been called for it. */
  hasBegun = false;
  outcome: Outcome | null = null;
  stages: readonly Stage[] = [];
  vrf: number | null;
  /** Whether it came in where its {@linkcode Sight} says. */
  readonly isPlaced: boolean;
  /** A copy's stage at its beginning, of the original; {@linkcode NONE} if it has none. */
  inherited = NONE;
  low = 0;
  high = 0;
  /** Whether it is a segment of a packet in a queue, which the device takes with the others. */
  isSegment = false;
  copies = 0;
  /** Its open calls, and those among them of functions between stages whose return is to come. */
  open = 0;
  openBoundaries = 0;
  /** The call that has received it, and may leave it to another CPU, which may be quicker. */
  receiving = NONE;
  /** The call in which it came to its flow. */
  flowCall = NONE;
  /** The call that hands it over, and its task. */
  handing = NONE;
  handingTask = NONE;
  chosen: ChosenVif | null = null;
  calls: JourneyCalls | null = null;
  isIncomplete = false;
  isTold = false;
  /** Number of the latest loss that it was told of. */
  readonly losses: number;
  /** Copies for the agent that wait for its answer; this one is on hold. */
  asking: Traveller[] = [];
  isWaiting = false;
  before: Traveller | null = null;
  after: Traveller | null = null;

  constructor(sight: Sight, losses: number) {
    this.sight = sight;
    this.losses = losses;
    this.isPlaced = sight.isPlaced;
    this.vrf = this.isPlaced ? sight.vrf : null;
    this.decisions.enter(this.vrf);
  }

  get isTravelling(): boolean {
    return this.hasBegun && this.outcome === null;
  }

  /** Its way is over. */
  end(time: StepTime, outcome: Outcome): void {
    this.stages = this.timeline.end(time);
    this.outcome = outcome;
  }

  /** All of it, after its end. */
  journey(outcome: Outcome): Journey {
    const { sight, decisions, isPlaced } = this;
    return {
      id: sight.id,
      parent: sight.parent,
      parentNumber: sight.parentNumber,
      number: sight.number,
      begin: this.timeline.begin,
      duration: this.stages.reduce((sum, { duration }) => sum + duration, 0),
      stages: this.stages,
      vif: isPlaced ? sight.vif : null,
      vrf: this.vrf,
      device: isPlaced ? sight.device : null,
      length: sight.length,
      bytes: sight.bytes,
      decisions: decisions.all,
      outcome,
      isIncomplete: this.isIncomplete || decisions.omitted > 0 || this.timeline.omitted > 0,
      ...(this.calls === null ? {} : { calls: this.calls }),
    };
  }
}
