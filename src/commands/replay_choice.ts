/**
 * Which packets of a recording are chosen by the options that are about interfaces and vrouter.
 *
 * @module
 */

import type { CaptureOptions } from "../cli/invocation.ts";
import { CONDITIONS, type Conditions } from "../packet/conditions.ts";
import type { KnownSections } from "../recording/sections.ts";
import { Failure } from "../sys/failure.ts";
import { SOURCE, SOURCE_KERNEL } from "../probe/packet_record.ts";
import type { EventSink } from "../trace/events.ts";
import { ChosenPackets } from "../trace/chosen_packets.ts";
import { MarkedPackets } from "../trace/marked_packets.ts";
import {
  chooseConditions,
  chooseInterfaces,
  type ConditionChoice,
  type InterfaceChoice,
  kindsOf,
} from "../trace/packet_choice.ts";
import type { PacketTable } from "../trace/packets.ts";
import { Place } from "../trace/place.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import { selectInterfaces } from "../vrouter/selection.ts";
import { resolveConditions } from "./trace_conditions.ts";

/** What choices are made by. */
export interface ChoiceSources {
  readonly sections: KnownSections;
  /** All vifs that there were at any time. */
  readonly allVifs: readonly Vif[];
  /** The vifs as they are at the present record. */
  readonly vifs: () => readonly Vif[];
  readonly hasVrouter: boolean;
  /** Whether only packets of it count of which a record says that they match. */
  readonly conditional: boolean;
  /** Whether calls tell their vifs and nexthops. */
  readonly callsHavePlaces: boolean;
  readonly functionCount: number;
}

/** Chooses packets. */
export class ReplayChoice {
  readonly #sources: ChoiceSources;
  readonly #interfaces: InterfaceChoice | null;
  readonly #conditions: { readonly met: ConditionChoice; readonly kinds: number } | null;

  /** @throws {Failure} `interfaces` if there is no such vif or device */
  constructor(
    { interfaces, conditions }: Pick<CaptureOptions, "interfaces" | "conditions">,
    sources: ChoiceSources,
  ) {
    this.#sources = sources;
    this.#interfaces = interfaces.length === 0 ? null : this.#interfacesNamed(interfaces);
    const resolved = this.#resolved(conditions);
    const header = sources.sections.get("header")!;
    this.#conditions = resolved && {
      kinds: kindsOf(resolved),
      met: chooseConditions(resolved, {
        vifs: sources.vifs,
        vrouterNetns: header.vrouterNetns,
        callsHaveVifs: sources.callsHavePlaces,
      }),
    };
  }

  /** Whether there is any choice. */
  get isOfSome(): boolean {
    return this.#interfaces !== null || this.#conditions !== null;
  }

  /** Whether only packets count of which a record says that they match. */
  get conditional(): boolean {
    return this.#conditions !== null || this.#sources.conditional;
  }

  /** Whether packets may be chosen that a trace would have left out, or the other way round. */
  get isVague(): boolean {
    return this.isOfSome && this.#sources.hasVrouter && !this.#sources.callsHavePlaces;
  }

  /** Puts in front of a sink what records the packets that meet the conditions. */
  marked(to: EventSink): EventSink {
    if (this.#conditions === null) return to;
    const { functionCount, conditional } = this.#sources;
    return new MarkedPackets(to, { ...this.#conditions, functionCount, conditional });
  }

  /** Whether interfaces are chosen. */
  get hasInterfaces(): boolean {
    return this.#interfaces !== null;
  }

  /**
   * Puts in front of a sink what leaves out packets of other interfaces.
   *
   * @param numbers is told of all packets, if interfaces are chosen
   */
  chosen(to: EventSink, numbers: PacketTable): EventSink {
    if (this.#interfaces === null) return to;
    return new ChosenPackets(to, this.#sources.functionCount, this.#interfaces, numbers);
  }

  /** Whether a packet is chosen by where it is dropped alone, of which its record tells. */
  readonly isDropped = (record: Readonly<Uint32Array>): boolean => {
    const isByKernel = record[SOURCE] === SOURCE_KERNEL;
    if (!this.isOfSome && !isByKernel) return true;
    const place = new Place();
    place.dropped(record);
    // A recording has those behind the vifs, too, such as at the agent.
    if (isByKernel && this.#interfaces === null && !this.#isAtVif(place)) return false;
    if (this.#interfaces !== null && !this.#interfaces(place)) return false;
    if (this.#conditions === null) return true;
    const { kinds, met } = this.#conditions;
    return (kinds & ~met(place)) === 0;
  };

  #isAtVif({ netns, ifindex, iif }: Readonly<Place>): boolean {
    const { sections, hasVrouter, vifs } = this.#sources;
    if (!hasVrouter) return true;
    const isOne = (index: number): boolean =>
      index !== 0 && vifs().some((vif) => vif.ifindex === index);
    return netns === sections.get("header")!.vrouterNetns && (isOne(ifindex) || isOne(iif));
  }

  #interfacesNamed(names: readonly string[]): InterfaceChoice {
    const { sections, allVifs, hasVrouter } = this.#sources;
    const { vrouterNetns, currentNetns } = sections.get("header")!;
    const devices = (sections.get("devices") ?? []).filter(([netns]) => netns === currentNetns)
      .map(([, ifindex, name]) => ({ ifindex, name }));
    return chooseInterfaces(selectInterfaces(names, {
      vifs: hasVrouter ? allVifs : null,
      devices,
      // Which of them are vrouter's own is not recorded; no packet is seen there first.
      vrouterDevices: [],
      namespaces: { current: currentNetns, initial: vrouterNetns === 0 ? null : vrouterNetns },
    }));
  }

  #resolved(conditions: Conditions<string>): Conditions | null {
    const name = CONDITIONS.find((each) => conditions[each].length > 0);
    if (name !== undefined && !this.#sources.hasVrouter) {
      throw new Failure(
        "usage",
        `Option '--${name}' cannot be used with this recording: it was made with --no-vrouter`,
      );
    }
    return resolveConditions(conditions, this.#sources.allVifs);
  }
}
