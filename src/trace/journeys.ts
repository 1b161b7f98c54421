/**
 * From the events of packets to their journeys: follows each through the stages, collects what was decided
 * about it, and tells what became of it once its way through vrouter is over. That is when a device or the
 * host's stack has taken it, or when it is dropped or freed; not when vrouter's functions have returned,
 * which may serve other packets before they do.
 *
 * A packet may come in again, from a guest that forwards it: that is another journey of the same packet.
 *
 * What is kept for a packet is bounded, and so is the number of those that are on their way; whatever is
 * left out is counted. An event takes the same time however many packets there are.
 *
 * @module
 */

import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { SOURCE, SOURCE_KERNEL } from "../probe/packet_record.ts";
import type { Encapsulation } from "./decision_list.ts";
import { DecisionReader, type DecisionWords, keyOf, type NexthopOf } from "./decisions.ts";
import type { Drop } from "./drop.ts";
import type { KnownVif } from "./drops.ts";
import { type Incomplete, NONE, type PacketDetails, type Step, type View } from "./events.ts";
import type { Journey, Outcome } from "./journey.ts";
import { type CallEnd, JourneyCalls } from "./journey_calls.ts";
import { droppedBy, handedOver } from "./outcome.ts";
import { UNKNOWN_PACKET } from "./packets.ts";
import { AFTER_HOLD, BOUNDARIES, type Boundary, stageNumber } from "./stages.ts";
import { Sight, Traveller } from "./traveller.ts";

/** A vif as far as journeys need it. */
export interface JourneyVif extends KnownVif {
  /** As `listVifs()` names it: `physical`, `virtual`. */
  readonly type: string;
}

/** What journeys are told by. */
export interface JourneySources {
  readonly words: DecisionWords;
  /** The vifs; another array once they have changed. */
  readonly vifs: () => readonly JourneyVif[];
  /** The nexthops, where records do not say it all; by default they are not known. */
  readonly nexthop?: NexthopOf;
  /** Inode number of the network namespace of their devices. */
  readonly vrouterNetns: number;
  /** Name of a device; `null` if unknown. */
  readonly device: (netns: number, ifindex: number) => string | null;
  /** A drop by its record; `null` if that is damaged. */
  readonly drop: (record: Uint32Array) => Drop | null;
}

/** Options of {@linkcode Journeys}. */
export interface JourneysOptions {
  /** Whether the calls of packets are kept; not by default. */
  readonly calls?: boolean;
  /** Whether their places, results and times are, too; not by default. */
  readonly details?: boolean;
  /** Maximum number of packets on their way, 16,384 by default; the oldest is given up for a new one. */
  readonly maximum?: number;
}

/** Counts of journeys, and of what they lack. */
export interface JourneyTotals {
  /** Journeys that have begun, and of them those told to the receiver. */
  readonly begun: number;
  readonly told: number;
  /** Those whose packet's slot was taken by another one. */
  readonly outOfSight: number;
  /** Those given up because there were too many at a time. */
  readonly givenUp: number;
  /** Calls with which packets came in whose beginning was not seen. */
  readonly unknown: number;
  /** Decisions, stages and calls that were too many for one packet. */
  readonly decisionsOmitted: number;
  readonly stagesOmitted: number;
  readonly callsOmitted: number;
}

const DEFAULT_MAXIMUM = 16_384;
/**
 * Nanoseconds that a trapped packet waits for the agent's answer before it is told without: a busy agent
 * takes more than a second.
 */
const ANSWER_NS = 3e9;
const NS_PER_MS = 1e6;
const TWO_32 = 2 ** 32;

/** Functions whose next nexthop is that of the packet's label or VNI. */
const ENCAPSULATIONS: ReadonlyMap<string, Encapsulation> = new Map([
  ["vr_mpls_input", "label"],
  ["vr_vxlan_input", "vni"],
]);
/** Reasons for which a label or VNI that is not known drops a packet. */
const NOT_FOUND: ReadonlyMap<string, Encapsulation> = new Map([
  ["VP_DROP_INVALID_LABEL", "label"],
  ["VP_DROP_INVALID_VNID", "vni"],
]);
/** It returns without having done anything to packets that another CPU is to handle. */
const QUEUES = "linux_rx_handler";

/** Actions of a flow on hold, and of one whose action is not known. */
const UNANSWERED: ReadonlySet<string> = new Set(["H", "U"]);
/** `vif_vrf` of a vif without VRF. */
const NO_VRF = 0xffff;
/** Type of the agent's vif. */
const AGENT = "agent";

/** A boundary, with what a call of it needs. */
interface Place extends Boundary {
  readonly number: number;
  readonly sources: ReadonlySet<number> | null;
  readonly queues: boolean;
  readonly endsHold: boolean;
  readonly expects: Encapsulation | undefined;
}

/** Follows packets, and tells their journeys. */
export class Journeys implements View {
  readonly #sources: JourneySources;
  readonly #receive: (journey: Journey) => void;
  readonly #reader: DecisionReader;
  readonly #keepsCalls: boolean;
  readonly #keepsDetails: boolean;
  readonly #maximum: number;
  /** By function: the boundary that it is. */
  readonly #places: (Place | undefined)[];
  readonly #sights: (Sight | undefined)[] = new Array<Sight | undefined>(SLOTS);
  /** By open call: whose it is. */
  readonly #ofCall: (Traveller | undefined)[] = [];
  /** By open call: whether it is one of a function between stages, and its return is to come. */
  readonly #isBoundary: boolean[] = [];
  /** By open call: whether it is kept. */
  readonly #isKept: boolean[] = [];
  /** Those on their way, in the order of their beginnings. */
  #oldest: Traveller | null = null;
  #newest: Traveller | null = null;
  #travelling = 0;
  /** Told once the agent has answered, or did not for some time; the first has waited longest. */
  readonly #waiting: Traveller[] = [];
  /** The packet that a task has given to the agent last. */
  #trapped: Sight | null = null;
  #trappedTask = NONE;
  #vifs: readonly JourneyVif[] = [];
  #byIfindex = new Map<number, JourneyVif>();
  #byIndex = new Map<number, JourneyVif>();
  #losses = 0;
  /** Events to come that may precede the latest loss. */
  #ahead = 0;
  #low = 0;
  #high = 0;
  #begun = 0;
  #told = 0;
  #outOfSight = 0;
  #givenUp = 0;
  #unknown = 0;
  #decisionsOmitted = 0;
  #stagesOmitted = 0;
  #callsOmitted = 0;

  /**
   * @param functions names, by the indexes used in steps
   * @param sources see {@linkcode JourneySources}
   * @param receive called for each journey that is over; may throw
   * @param options see {@linkcode JourneysOptions}
   */
  constructor(
    functions: readonly string[],
    sources: JourneySources,
    receive: (journey: Journey) => void,
    options: JourneysOptions = {},
  ) {
    this.#sources = sources;
    this.#receive = receive;
    this.#keepsCalls = options.calls ?? false;
    this.#keepsDetails = options.details ?? false;
    this.#maximum = Math.max(1, options.maximum ?? DEFAULT_MAXIMUM);
    this.#places = functions.map(placeOf);
    this.#reader = new DecisionReader(
      sources.words,
      (index) => ({ index, device: this.#vif(index)?.device ?? null }),
      sources.nexthop,
    );
  }

  /** Counts so far. */
  get totals(): JourneyTotals {
    return {
      begun: this.#begun,
      told: this.#told,
      outOfSight: this.#outOfSight,
      givenUp: this.#givenUp,
      unknown: this.#unknown,
      decisionsOmitted: this.#decisionsOmitted,
      stagesOmitted: this.#stagesOmitted,
      callsOmitted: this.#callsOmitted,
    };
  }

  /**
   * Records were lost: journeys under way may lack something.
   *
   * @param ahead maximum number of records to come that may precede the loss
   */
  lost(ahead: number): void {
    this.#losses++;
    this.#ahead = Math.min(ahead, 2 ** 30);
  }

  enter(step: Readonly<Step>): void {
    const place = this.#places[step.fn];
    if (place === undefined && !this.#keepsCalls) return;
    this.#now(step);
    if (step.packet < 0) return;
    const sight = this.#sight(step.packet);
    if (sight === undefined) {
      if (place?.enters) this.#unknown++;
      return;
    }
    if (place !== undefined) this.#pass(sight, place, step);
    const { traveller } = sight;
    if (traveller === null) return;
    this.#ofCall[step.call] = traveller;
    traveller.open++;
    const isBoundary = place !== undefined && step.returns;
    this.#isBoundary[step.call] = isBoundary;
    if (isBoundary) traveller.openBoundaries++;
    if (!this.#keepsCalls) return;
    traveller.calls ??= new JourneyCalls(this.#keepsDetails);
    this.#isKept[step.call] = traveller.calls.enter(step);
  }

  leave(step: Readonly<Step>): void {
    this.#left(step, "leave");
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    this.#left(step, why);
  }

  /** It is not known whose return it is. */
  orphan(): void {}

  packet(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#now(step);
    const sight = this.#begin(step, details);
    if (sight.hasCome && !sight.hasEnded) this.#renew(sight, step);
    const { captured, netns, ifindex } = details;
    if (!sight.hasBytes && captured > 0) {
      sight.see(details.header.slice(0, captured), details.length);
    } else if (sight.length === 0) sight.length = details.length;
    if (sight.vif !== null || sight.device !== null || ifindex === 0) return;
    const vif = netns === this.#sources.vrouterNetns ? this.#vifOf(ifindex) : undefined;
    sight.device = vif?.device ?? this.#sources.device(netns, ifindex);
    if (vif === undefined) return;
    sight.vif = { index: vif.index, device: vif.device };
    if (vif.vrf === NO_VRF) return;
    sight.vrf = vif.vrf;
    const { traveller } = sight;
    if (traveller === null) return;
    traveller.vrf ??= vif.vrf;
    traveller.decisions.enter(vif.vrf);
  }

  copied(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#now(step);
    const sight = this.#begin(step, details);
    if (details.parent === UNKNOWN_PACKET || sight.parent !== null) return;
    const original = this.#sights[details.parent % SLOTS];
    if (original?.id !== details.parent) {
      sight.parent = details.parent;
      return;
    }
    sight.inherit(original);
    const { traveller } = sight;
    if (traveller === null || traveller.hasBegun) return;
    traveller.vrf = sight.vrf;
    traveller.decisions.enter(sight.vrf);
    const from = original.traveller;
    if (from === null || !from.isTravelling) return;
    const { stage } = from.timeline;
    traveller.inherited = stage === HOLD ? FLOW : stage;
    traveller.low = step.low;
    traveller.high = step.high;
    traveller.chosen = from.chosen;
    // Packet sockets get copies, too, of what comes in and of what is handed over.
    if (!UNCOUNTED.has(stage) && from.handing === NONE) from.copies++;
    if (stage !== QDISC) return;
    traveller.isSegment = true;
    this.#start(traveller, step, QDISC);
  }

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#now(step);
    const sight = this.#sight(step.packet);
    const traveller = sight?.traveller;
    if (!sight || !traveller || traveller.outcome !== null) return;
    const byKernel = details.record[SOURCE] === SOURCE_KERNEL;
    if (!traveller.hasBegun) {
      // Of the kernel's, it did not get as far as vrouter.
      if (byKernel) return;
      this.#start(traveller, step, traveller.inherited === NONE ? NEXTHOP : traveller.inherited);
    }
    // A device has it, and somebody else drops it before that returns.
    if (byKernel && traveller.handing !== NONE && traveller.handingTask !== step.task) {
      this.#handOver(traveller, step);
      return;
    }
    const drop = this.#sources.drop(details.record);
    if (drop === null) {
      traveller.isIncomplete = true;
      return;
    }
    const kind = NOT_FOUND.get(drop.reason.name);
    const number = kind === undefined ? null : sight.encapsulation(kind);
    if (kind !== undefined && number !== null) traveller.decisions.notFound(kind, number);
    this.#end(
      traveller,
      step,
      droppedBy(drop, {
        copies: traveller.copies,
        trap: traveller.decisions.trap,
        isHeld: traveller.timeline.stage === HOLD,
        isInGro: traveller.timeline.stage === GRO,
      }),
    );
  }

  ended(step: Readonly<Step>): void {
    this.#now(step);
    const sight = this.#sight(step.packet);
    if (sight === undefined) return;
    sight.hasEnded = true;
    const { traveller } = sight;
    if (traveller === null) {
      this.#sights[step.packet & 0xffff] = undefined;
      return;
    }
    if (!traveller.hasBegun) {
      sight.traveller = null;
      this.#sights[step.packet & 0xffff] = undefined;
      return;
    }
    if (traveller.outcome !== null) return;
    const { stage } = traveller.timeline;
    const isTaken = (stage === TX && traveller.handing !== NONE) ||
      (traveller.isSegment && (stage === TX || stage === QDISC));
    if (isTaken) this.#handOver(traveller, step);
    else this.#end(traveller, step, freed(stage, traveller.copies));
  }

  decided(step: Readonly<Step>, { record }: Readonly<PacketDetails>): void {
    this.#now(step);
    if (step.packet < 0) return;
    const sight = this.#sight(step.packet);
    const traveller = sight?.traveller;
    if (!sight || !traveller || traveller.outcome !== null) return;
    const chosen = this.#reader.chosenVif(record);
    if (chosen !== null) {
      traveller.chosen = chosen;
      if (chosen.type === AGENT) this.#adopt(traveller, step.task);
      return;
    }
    const read = this.#reader.read(record);
    if (read === null) return;
    const { decision } = read;
    // Of its source: to learn a MAC address, or to choose among ECMP's members.
    const isLookup = decision.type === "bridge" || decision.type === "route";
    if (isLookup && sight.isOnlySource(keyOf(record), decision.key)) return;
    if (decision.type === "trap") {
      this.#trapped = sight;
      this.#trappedTask = step.task;
    }
    // The agent has decided: the functions that put it on hold had no other action.
    const isAnswer = decision.type === "flow" && !UNANSWERED.has(decision.action);
    if (isAnswer && traveller.timeline.stage === HOLD) traveller.decisions.resume();
    traveller.decisions.add(read);
    traveller.vrf ??= traveller.decisions.vrf;
    if (isAnswer) this.#answer(traveller, decision.action);
  }

  /**
   * Tells trapped packets whose answer does not come, where no event shows how late it is.
   *
   * @param now nanoseconds of the steps' clock
   */
  expire(now: number): void {
    this.#expire(now | 0, Math.floor(now / TWO_32));
  }

  /** Tells what is under way: no events follow. */
  finish(): void {
    const now = { low: this.#low, high: this.#high };
    for (let traveller = this.#oldest; traveller !== null; traveller = this.#oldest) {
      if (traveller.outcome === null) {
        const isHeld = traveller.timeline.stage === HOLD;
        this.#close(traveller, now, isHeld ? { type: "held", evicted: false } : { type: "inside" });
      }
      this.#tell(traveller);
    }
  }

  #now({ low, high }: Readonly<Step>): void {
    this.#low = low;
    this.#high = high;
    if (this.#ahead > 0) this.#ahead--;
  }

  /**
   * The agent gets a packet. Of most it gets a copy that vrouter has made itself, which nothing else tells
   * whose copy it is.
   */
  #adopt(traveller: Traveller, task: number): void {
    const { sight, decisions } = traveller;
    const trapped = this.#trapped;
    if (trapped === null || this.#trappedTask !== task) return;
    this.#trapped = null;
    if (sight.parent !== null || decisions.trap !== null) return;
    sight.adopt(trapped);
    traveller.vrf ??= sight.vrf;
  }

  /** The packet of a handle, if it is known. */
  #sight(handle: number): Sight | undefined {
    const slot = handle & 0xffff;
    const sight = this.#sights[slot];
    if (sight === undefined) return undefined;
    const ahead = ((handle >>> 16) - sight.generation) & 0xff;
    if (ahead === 0) return sight;
    // Another has taken the slot, and the record that told so was lost.
    if (ahead < 0x80) this.#replace(slot, sight);
    return undefined;
  }

  /** A packet takes a slot, if it does not have it already. */
  #begin(step: Readonly<Step>, { id, generation, number }: Readonly<PacketDetails>): Sight {
    const slot = step.packet & 0xffff;
    const known = this.#sights[slot];
    if (known?.id === id) return known;
    if (known !== undefined) this.#replace(slot, known);
    const sight = new Sight(id, generation, number);
    sight.traveller = this.#traveller(sight);
    this.#sights[slot] = sight;
    return sight;
  }

  #traveller(sight: Sight): Traveller {
    return new Traveller(sight, this.#ahead > 0 ? this.#losses - 1 : this.#losses);
  }

  /** Another packet takes the slot. */
  #replace(slot: number, sight: Sight): void {
    this.#sights[slot] = undefined;
    sight.hasEnded = true;
    const { traveller } = sight;
    if (traveller === null || !traveller.isTravelling) return;
    this.#outOfSight++;
    this.#end(traveller, { low: this.#low, high: this.#high }, { type: "lost from sight" });
  }

  /** A function between stages is called for a packet. */
  #pass(sight: Sight, place: Place, step: Readonly<Step>): void {
    let { traveller } = sight;
    if (place.enters && !sight.hasEnded && this.#hasLeft(traveller, step)) {
      traveller = this.#traveller(sight);
      sight.traveller = traveller;
    }
    if (traveller === null || traveller.outcome !== null) return;
    if (!traveller.hasBegun) this.#come(traveller, place, step);
    else this.#move(traveller, place, step);
  }

  /** Whether a packet that comes in is on no way yet: what it is on is over, and told. */
  #hasLeft(traveller: Traveller | null, step: Readonly<Step>): boolean {
    // It has left, although that was not seen.
    if (traveller?.isTravelling && isLeaving(traveller)) this.#handOver(traveller, step);
    if (traveller !== null && traveller.outcome === null) return false;
    if (traveller !== null && !traveller.isWaiting) this.#tell(traveller);
    return true;
  }

  /** A packet is seen again, where it comes in again. */
  #renew(sight: Sight, step: Readonly<Step>): void {
    if (!this.#hasLeft(sight.traveller, step)) return;
    sight.leave();
    sight.traveller = this.#traveller(sight);
  }

  /** A packet has not been in vrouter yet. */
  #come(traveller: Traveller, place: Place, step: Readonly<Step>): void {
    if (traveller.inherited !== NONE) {
      if (place.sources !== null && !place.sources.has(traveller.inherited)) return;
      this.#start(traveller, traveller, traveller.inherited);
      this.#move(traveller, place, step);
      return;
    }
    if (place.sources !== null) return;
    this.#start(traveller, step, place.number);
    this.#move(traveller, place, step);
  }

  #start(
    traveller: Traveller,
    time: { readonly low: number; readonly high: number },
    stage: number,
  ): void {
    this.#expire(this.#low, this.#high);
    if (this.#travelling >= this.#maximum) this.#giveUp();
    this.#begun++;
    traveller.hasBegun = true;
    traveller.sight.hasCome = true;
    traveller.sight.isPlaced = false;
    traveller.timeline.start(time, stage);
    this.#append(traveller);
  }

  #move(traveller: Traveller, place: Place, step: Readonly<Step>): void {
    const { timeline } = traveller;
    const { stage } = timeline;
    if (stage === HOLD && !place.endsHold) return;
    if (place.sources !== null && !place.sources.has(stage)) return;
    if (stage === HOLD) {
      traveller.decisions.resume();
      // It may not have returned yet.
      traveller.flowCall = NONE;
    }
    if (place.returns && (stage !== FLOW || traveller.flowCall === NONE)) {
      traveller.flowCall = step.call;
    }
    timeline.go(step, place.number);
    if (place.enters) traveller.receiving = place.queues ? step.call : NONE;
    if (place.hands) {
      traveller.handing = step.call;
      traveller.handingTask = step.task;
    }
    if (place.expects !== undefined) traveller.decisions.expect(place.expects);
  }

  /** A call is closed. */
  #left(step: Readonly<Step>, how: CallEnd): void {
    const { call } = step;
    const traveller = call === NONE ? undefined : this.#ofCall[call];
    if (traveller === undefined) return;
    this.#now(step);
    this.#ofCall[call] = undefined;
    if (traveller.isTold) return;
    traveller.open--;
    if (this.#isKept[call]) traveller.calls?.end(step, how);
    this.#isKept[call] = false;
    const isBoundary = this.#isBoundary[call];
    if (isBoundary) traveller.openBoundaries--;
    if (how === "trace ended") return;
    if (isBoundary && traveller.isTravelling) this.#return(traveller, step);
    if (traveller.outcome !== null) this.#settle(traveller);
  }

  /** A function between stages has returned. */
  #return(traveller: Traveller, step: Readonly<Step>): void {
    const { timeline } = traveller;
    if (step.call === traveller.flowCall) {
      traveller.flowCall = NONE;
      if (timeline.stage === FLOW) timeline.go(step, NEXTHOP);
    } else if (step.call === traveller.receiving) {
      traveller.receiving = NONE;
      if (timeline.stage === RX) timeline.go(step, RPS);
    }
    const hasHanded = step.call === traveller.handing;
    if (hasHanded) traveller.handing = NONE;
    if (timeline.stage !== TX) return;
    if (hasHanded || traveller.openBoundaries === 0) this.#handOver(traveller, step);
  }

  /** A device has taken the packet. */
  #handOver(traveller: Traveller, step: Readonly<Step>): void {
    const { chosen, decisions } = traveller;
    const vif = chosen === null ? undefined : this.#vif(chosen.index);
    this.#end(traveller, step, handedOver(chosen, vif, decisions.trap));
  }

  /** The packet's way is over. */
  #end(
    traveller: Traveller,
    time: { readonly low: number; readonly high: number },
    outcome: Outcome,
  ): void {
    this.#close(traveller, time, outcome);
    const original = outcome.type === "trapped" ? this.#heldOriginal(traveller.sight) : undefined;
    if (original !== undefined) {
      original.asking.push(traveller);
      traveller.isWaiting = true;
      if (this.#waiting.push(traveller) > this.#maximum) this.#giveUpAnswer();
    }
    this.#settle(traveller);
  }

  #close(
    traveller: Traveller,
    time: { readonly low: number; readonly high: number },
    outcome: Outcome,
  ): void {
    traveller.isIncomplete ||= traveller.losses !== this.#losses;
    traveller.end(time, outcome);
    this.#answer(traveller, null);
  }

  /** The packet on hold that a packet for the agent was copied from. */
  #heldOriginal({ parent }: Sight): Traveller | undefined {
    const sight = parent === null ? undefined : this.#sights[parent % SLOTS];
    const held = sight?.id === parent ? sight?.traveller : undefined;
    return held?.isTravelling && held.timeline.stage === HOLD ? held : undefined;
  }

  /** The agent has decided about the flow of a packet that was on hold; or not, and the packet is gone. */
  #answer(held: Traveller, action: string | null): void {
    if (held.asking.length === 0) return;
    const asking = held.asking;
    held.asking = [];
    for (const traveller of asking) {
      if (!traveller.isWaiting) continue;
      traveller.isWaiting = false;
      const { outcome } = traveller;
      if (action !== null && outcome?.type === "trapped") {
        const ms = traveller.timeline.since({ low: this.#low, high: this.#high }) / NS_PER_MS;
        traveller.outcome = { ...outcome, answer: `Action:${action} after ${ms.toFixed(2)} ms` };
      }
      this.#settle(traveller);
    }
  }

  #expire(low: number, high: number): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (first.isWaiting && first.timeline.since({ low, high }) < ANSWER_NS) return;
      this.#giveUpAnswer();
    }
  }

  /** The packet that has waited longest does so no more. */
  #giveUpAnswer(): void {
    const first = this.#waiting.shift()!;
    first.isWaiting = false;
    this.#settle(first);
  }

  /** Tells a journey that is over, unless its calls are kept and go on, or the agent may answer. */
  #settle(traveller: Traveller): void {
    if (traveller.isWaiting || (this.#keepsCalls && traveller.open > 0)) return;
    this.#tell(traveller);
  }

  #tell(traveller: Traveller): void {
    const { sight, outcome, calls } = traveller;
    if (outcome === null || traveller.isTold) return;
    const journey = traveller.journey(outcome);
    this.#remove(traveller);
    traveller.isTold = true;
    traveller.isWaiting = false;
    if (sight.traveller === traveller) {
      sight.traveller = null;
      const slot = sight.id % SLOTS;
      if (sight.hasEnded && this.#sights[slot] === sight) this.#sights[slot] = undefined;
    }
    this.#told++;
    this.#decisionsOmitted += traveller.decisions.omitted;
    this.#stagesOmitted += traveller.timeline.omitted;
    this.#callsOmitted += calls?.omitted ?? 0;
    this.#receive(journey);
  }

  /** Gives up the oldest packet on its way. */
  #giveUp(): void {
    const oldest = this.#oldest!;
    if (oldest.outcome === null) {
      this.#givenUp++;
      const now = { low: this.#low, high: this.#high };
      this.#close(oldest, now, { type: "lost from sight" });
    }
    this.#tell(oldest);
  }

  #append(traveller: Traveller): void {
    traveller.before = this.#newest;
    if (this.#newest === null) this.#oldest = traveller;
    else this.#newest.after = traveller;
    this.#newest = traveller;
    this.#travelling++;
  }

  #remove(traveller: Traveller): void {
    const { before, after } = traveller;
    if (before === null) this.#oldest = after;
    else before.after = after;
    if (after === null) this.#newest = before;
    else after.before = before;
    traveller.before = traveller.after = null;
    this.#travelling--;
  }

  #vifOf(ifindex: number): JourneyVif | undefined {
    this.#readVifs();
    return this.#byIfindex.get(ifindex);
  }

  #vif(index: number): JourneyVif | undefined {
    this.#readVifs();
    return this.#byIndex.get(index);
  }

  #readVifs(): void {
    const vifs = this.#sources.vifs();
    if (vifs === this.#vifs) return;
    this.#vifs = vifs;
    this.#byIndex = new Map(vifs.map((vif) => [vif.index, vif]));
    this.#byIfindex = new Map();
    for (const vif of vifs) {
      // Of a device and its VLANs, the device's own.
      if (vif.ifindex !== 0 && !this.#byIfindex.has(vif.ifindex)) {
        this.#byIfindex.set(vif.ifindex, vif);
      }
    }
  }
}

const [RX, RPS, GRO, FLOW, HOLD, NEXTHOP, TX, QDISC] = ([
  "rx",
  "rps-queue",
  "gro",
  "flow",
  "hold",
  "nexthop",
  "tx",
  "qdisc",
] as const).map(stageNumber) as [number, number, number, number, number, number, number, number];

/** Stages in which copies of a packet do not go on in its place. */
const UNCOUNTED: ReadonlySet<number> = new Set([RX, RPS, GRO, HOLD]);

function isLeaving({ timeline: { stage } }: Traveller): boolean {
  return stage === TX || stage === QDISC;
}

/** A packet is freed, and nobody has dropped it. */
function freed(stage: number, copies: number): Outcome {
  if (stage === GRO) return { type: "consumed by GRO" };
  if (stage === HOLD) return { type: "held", evicted: true };
  return copies > 0 ? { type: "replicated", copies } : { type: "consumed" };
}

function placeOf(name: string): Place | undefined {
  if (!Object.hasOwn(BOUNDARIES, name)) return undefined;
  const boundary = BOUNDARIES[name]!;
  return {
    ...boundary,
    number: stageNumber(boundary.stage),
    sources: boundary.from === undefined ? null : new Set(boundary.from.map(stageNumber)),
    queues: name === QUEUES,
    endsHold: AFTER_HOLD.has(name),
    expects: ENCAPSULATIONS.get(name),
  };
}
