/**
 * Makes {@linkcode Drop}s of the records of dropped packets.
 *
 * @module
 */

import type { DropOffsets } from "../kernel/drop_offsets.ts";
import { TEXT_BASE, TextSymbols } from "../kernel/text_symbols.ts";
import { UNKNOWN } from "../probe/layout.ts";
import {
  DROP_BYTES,
  DROP_CAPTURED,
  DROP_HEADER,
  DROP_IFINDEX,
  DROP_IIF,
  DROP_LENGTH,
  DROP_NETNS,
  DROP_STACK,
  DROP_VIF,
  DROP_VRF,
  DROPPED_BYTES,
  FLOW,
  FLOW_ACTION,
  FLOW_FLAGS,
  FLOW_REASON,
  FLOW_REVERSE,
  LOCATION_HIGH,
  LOCATION_LOW,
  NEXTHOP,
  NEXTHOP_REACH,
  NEXTHOP_TYPE,
  NO_FLOW_SHIFT,
  REASON,
  ROUTE_BRIDGE,
  ROUTE_FAMILY,
  ROUTE_KEY,
  ROUTE_KIND,
  ROUTE_LENGTH,
  ROUTE_NEXTHOP,
  ROUTE_NONE,
  ROUTE_REACH,
  ROUTE_TYPE,
  ROUTE_VRF,
  SEGMENTATION_OTHER,
  SEGMENTATION_SHIFT,
  SEGMENTED,
  SOURCE,
  SOURCE_KERNEL,
  STACK_DEPTH,
} from "../probe/packet_record.ts";
import { CPU_AND_KIND, KIND_DROP, TIMESTAMP_HIGH, TIMESTAMP_LOW } from "../probe/record.ts";
import { isDestination, isIpv6, isLaterFragment } from "../packet/facts.ts";
import type { DecodedPacket } from "../packet/headers.ts";
import type { DropCause, DropEvidence } from "../vrouter/drop_causes.ts";
import type { FlowActionFields } from "../vrouter/flow_words.ts";
import { ipv4At, ipv6At, macAt } from "../packet/addresses.ts";
import { decodePacket } from "../packet/decode.ts";
import type { Drop, DropFlow, DropNexthop, DropReason, DropRoute, DropVif } from "./drop.ts";
import { kernelDirection, vrouterDirection } from "./drop_direction.ts";
import type { Consumer } from "./tracer.ts";

/** The words for what records have as numbers. */
export interface DropWords {
  /** Of vrouter: `VP_DROP_*`. */
  vrouterReason(number: number): DropReason;
  /** Of the kernel: `SKB_DROP_REASON_*`; -1 without one. */
  kernelReason(number: number): DropReason;
  /** What the label of vrouter's reason hides. @param reason its name */
  cause(reason: string, evidence: DropEvidence): DropCause | null;
  /** As `flow` prints it: `D(SG)`. */
  flowAction(fields: FlowActionFields): string;
  /** As `nh` prints it: `Drop`. */
  nexthopType(type: number): string;
}

/** A vif as far as drops need it. */
export interface KnownVif {
  readonly index: number;
  readonly device: string | null;
  readonly ifindex: number;
  readonly vrf: number;
}

/** What drops are told by. */
export interface DropSources {
  readonly words: DropWords;
  readonly offsets: Partial<DropOffsets>;
  /** The vifs, looked up again for each drop as they come and go. */
  readonly vifs: () => readonly KnownVif[];
  /** Inode number of the network namespace of their devices. */
  readonly vrouterNetns: number;
  /** Name of a device; `null` if unknown. */
  readonly device: (netns: number, ifindex: number) => string | null;
  /** Contents of /proc/kallsyms, read at the first drop. */
  readonly kallsyms: () => Uint8Array;
}

/** VR_FLOW_ACTION_HOLD. */
const HOLD = 1;
/** vrouter's function that looks up a flow. */
const FLOW_LOOKUP = "vr_flow_lookup";

/** vrouter's function that has packets cut into segments, and then frees them by kfree_skb(). */
const SEGMENTING = "linux_gso_xmit";
/** The one that sends the segments, and frees the rest if one fails. The compiler may put it into the other. */
const SENDING = "linux_xmit_segments";

/** Cause of what is no loss. */
const SEGMENTS_GO_ON = "its segments go on";

/** vrouter's functions that drop: the one that calls them is the one to name. */
const DROPPING: ReadonlySet<string> = new Set(["lh_pfree", "lh_pfree_skb"]);

/** Programs of tracers, and what calls them in the middle of the function that they are of. */
const TRACING = /^bpf_(prog|trampoline)_/;

/** Where a call with a return probe returns to: there, a drop's location says no more than that. */
const RETURN_PROBES = /^(arch_rethook|(arch_|__)?kretprobe)_trampoline$/;

/** The kernel's functions that free dropped packets, which the one that drops calls. */
const FREEING = /^(__traceiter_kfree_skb|kfree_skb(_list)?(_reason)?|sk_skb_reason_drop)$/;

/** Names of functions by addresses behind their calls. */
class FunctionNames {
  readonly #kallsyms: () => Uint8Array;
  #symbols: TextSymbols | undefined;
  readonly #names = new Map<number, string | null>();

  constructor(kallsyms: () => Uint8Array) {
    this.#kallsyms = kallsyms;
  }

  /**
   * @param low low half of the address
   * @param high the high half
   * @param at 1 for a return address, behind the call; 0 for the address of a function
   * @returns the name without what the compiler has put behind it; `null` if unknown
   */
  name(low: number, high: number, at: 0 | 1): string | null {
    if (high !== TEXT_HIGH) return null;
    const key = low - at;
    let name = this.#names.get(key);
    if (name === undefined) {
      this.#symbols ??= new TextSymbols(this.#kallsyms());
      name = this.#symbols.containing(key)?.name.replace(/\..*$/, "") ?? null;
      if (this.#names.size < MAX_NAMES) this.#names.set(key, name);
    }
    return name;
  }
}

const TEXT_HIGH = Number(TEXT_BASE >> 32n);
const MAX_NAMES = 10_000;

/** The vif of a dropped packet. */
interface ChargedVif extends DropVif {
  readonly vrf: number;
  /** Whether the record says that the packet came in by it; vrouter also charges the vif that sends. */
  readonly came: boolean;
}

/** Makes drops of their records. */
export class DropMaker {
  readonly #sources: DropSources;
  readonly #names: FunctionNames;

  constructor(sources: DropSources) {
    this.#sources = sources;
    this.#names = new FunctionNames(sources.kallsyms);
  }

  /** The drop that a record tells of; `null` if that is damaged. */
  drop(words: Uint32Array): Drop | null {
    const room = Math.min(words.byteLength - DROP_BYTES, DROPPED_BYTES);
    if (room < 0) return null;
    const captured = words[DROP_CAPTURED]! & 0xffff;
    return captured <= room ? this.#drop(words, captured) : null;
  }

  #drop(words: Uint32Array, captured: number): Drop {
    const header = words.slice(DROP_HEADER);
    const bytes = new Uint8Array(header.buffer, 0, captured);
    const byKernel = words[SOURCE] === SOURCE_KERNEL;
    const stack = this.#stack(words, byKernel);
    const segmentation = words[DROP_CAPTURED]! >>> SEGMENTATION_SHIFT;
    const isSegmenting = byKernel && stack[0] === SEGMENTING;
    if (isSegmenting && segmentation === SEGMENTATION_OTHER) stack.unshift(SENDING);
    const isSegmented = isSegmenting && segmentation === SEGMENTED;
    // What netif_napi_add() frees has no bytes.
    const isHousekeeping = byKernel && (isSegmented || words[DROP_LENGTH] === 0);
    const { words: say, device, vifs } = this.#sources;
    const reason = byKernel
      ? say.kernelReason(words[REASON]! | 0)
      : say.vrouterReason(words[REASON]!);
    const [netns, ifindex] = [words[DROP_NETNS]!, words[DROP_IFINDEX]!];
    const vif = this.#vif(words, vifs());
    const packet = decodePacket(bytes, words[DROP_LENGTH]!);
    const isUnderLookup = stack.includes(FLOW_LOOKUP);
    const flow = this.#flow(words, isUnderLookup);
    const hasNoFlow = (words[DROP_CAPTURED]! >>> NO_FLOW_SHIFT & 0xff) !== 0 && isUnderLookup;
    const nexthop = this.#nexthop(words[NEXTHOP]!, words[NEXTHOP_TYPE]!, words, NEXTHOP_REACH);
    const cause = byKernel ? null : say.cause(reason.name, {
      stack,
      flow: hasNoFlow ? false : flow === null ? null : true,
      laterFragment: isLaterFragment(packet),
      ipv6: isIpv6(packet),
      nexthop: nexthop?.type || null,
    });
    const kind = isHousekeeping ? "housekeeping" : cause?.class;
    return {
      time: BigInt(words[TIMESTAMP_HIGH]!) << 32n | BigInt(words[TIMESTAMP_LOW]!),
      cpu: words[CPU_AND_KIND]! & 0xffff,
      source: byKernel ? "kernel" : "vrouter",
      reason: kind === undefined ? reason : { ...reason, class: kind },
      cause: cause?.words ?? (isSegmented ? SEGMENTS_GO_ON : null),
      vif: vif && { index: vif.index, device: vif.device },
      direction: byKernel
        ? vif?.came === true ? "receive" : kernelDirection(stack)
        : vif && vrouterDirection(stack),
      vrf: vif && (vif.vrf === UNKNOWN ? null : vif.vrf),
      device: ifindex === 0 ? null : device(netns, ifindex),
      length: words[DROP_LENGTH]!,
      bytes,
      flow,
      route: this.#route(words, packet),
      nexthop,
      stack,
    };
  }

  /** The functions that led there: from the one that vrouter's or the kernel's function was called by. */
  #stack(words: Uint32Array, byKernel: boolean): string[] {
    const names: string[] = [];
    const [low, high] = [words[LOCATION_LOW]!, words[LOCATION_HIGH]!];
    const isHidden = byKernel && RETURN_PROBES.test(this.#names.name(low, high, 0) ?? "");
    let inside = !byKernel;
    let isTraced = false;
    for (let frame = 0; frame < STACK_DEPTH; frame++) {
      const at = DROP_STACK + 2 * frame;
      if (words[at] === 0 && words[at + 1] === 0) break;
      inside ||= words[at] === low && words[at + 1] === high;
      if (!inside && !isHidden) continue;
      const name = this.#names.name(words[at]!, words[at + 1]!, frame === 0 && !byKernel ? 0 : 1);
      if (isHidden && FREEING.test(name ?? "")) {
        names.length = 0;
        inside = true;
        continue;
      }
      if (!inside) continue;
      if (name === null || (names.length === 0 && DROPPING.has(name))) continue;
      const wasTraced = isTraced;
      isTraced = TRACING.test(name);
      // The function that a trampoline is of is on both sides of it.
      if (!isTraced && !(wasTraced && name === names.at(-1))) names.push(name);
    }
    if (inside || isHidden) return names;
    const name = this.#names.name(low, high, 1);
    return name === null ? [] : [name];
  }

  /** The vif that is charged; for the kernel's drops that of the packet's first device, if it has one. */
  #vif(words: Uint32Array, vifs: readonly KnownVif[]): ChargedVif | null {
    const index = words[DROP_VIF]!;
    if (index !== UNKNOWN) {
      const device = vifs.find((vif) => vif.index === index)?.device ?? null;
      return { index, device, vrf: words[DROP_VRF]!, came: true };
    }
    if (words[DROP_NETNS] !== this.#sources.vrouterNetns) return null;
    const [iif, ifindex] = [words[DROP_IIF]!, words[DROP_IFINDEX]!];
    for (const one of [iif, ifindex]) {
      const vif = one === 0 ? undefined : vifs.find((each) => each.ifindex === one);
      if (vif === undefined) continue;
      return { index: vif.index, device: vif.device, vrf: vif.vrf, came: one === iif };
    }
    return null;
  }

  #flow(words: Uint32Array, isUnderLookup: boolean): DropFlow | null {
    const index = words[FLOW]!;
    if (index === UNKNOWN) return null;
    const { offsets, words: say } = this.#sources;
    const isActedUpon = words[FLOW_ACTION] !== UNKNOWN || offsets.fe_action === undefined;
    // What an earlier packet has left on the stack is no index.
    if (!isActedUpon && !isUnderLookup) return null;
    const reverse = words[FLOW_REVERSE]!;
    // Only entries that are not on hold get as far as vr_flow_action(), by which their fields are known.
    const held = isActedUpon ? null : HOLD;
    return {
      index,
      reverse: reverse === UNKNOWN ? null : reverse,
      action: say.flowAction({
        action: field(words[FLOW_ACTION]!, offsets.fe_action) ?? held,
        dropReason: field(words[FLOW_REASON]!, offsets.fe_drop_reason),
        flags: field(words[FLOW_FLAGS]!, offsets.fe_flags),
      }),
    };
  }

  #route(words: Uint32Array, packet: DecodedPacket): DropRoute | null {
    const kind = words[ROUTE_KIND];
    const vrf = words[ROUTE_VRF]!;
    if (kind === ROUTE_NONE || vrf === UNKNOWN) return null;
    const key = new Uint8Array(words.slice(ROUTE_KEY, ROUTE_KEY + 4).buffer);
    const nexthop = this.#nexthop(words[ROUTE_NEXTHOP]!, words[ROUTE_TYPE]!, words, ROUTE_REACH);
    if (kind === ROUTE_BRIDGE) {
      const mac = macAt(new DataView(key.buffer), 0);
      return isDestination(packet, mac) ? { vrf, key: nexthop && mac, nexthop } : null;
    }
    const { offsets } = this.#sources;
    const family = ADDRESSES[field(words[ROUTE_FAMILY]!, offsets.rtr_family) ?? 0];
    const length = field(words[ROUTE_LENGTH]!, offsets.rtr_prefix_len);
    if (family === undefined || length === null || length > 8 * family.bytes) return null;
    const text = (bytes: Uint8Array<ArrayBuffer>): string =>
      family.at(new DataView(bytes.buffer), 0);
    if (!isDestination(packet, text(key))) return null;
    return { vrf, key: `${text(masked(key, length))}/${length}`, nexthop };
  }

  #nexthop(id: number, type: number, words: Uint32Array, reach: number): DropNexthop | null {
    if (id === UNKNOWN) return null;
    const { offsets, words: say } = this.#sources;
    const number = field(type, offsets.nh_type);
    return {
      id,
      type: number === null ? "" : say.nexthopType(number),
      reach: this.#names.name(words[reach]!, words[reach + 1]!, 0),
    };
  }
}

/** Receives the records of a trace of drops. */
export class DropReader implements Consumer {
  /** Set by the owner to end the trace. */
  full = false;
  done = false;
  readonly #maker: DropMaker;
  readonly #receive: (drop: Drop) => void;
  #damaged = 0;

  /** @param receive called for each drop, in the order of their time */
  constructor(sources: DropSources, receive: (drop: Drop) => void) {
    this.#maker = new DropMaker(sources);
    this.#receive = receive;
  }

  /** Records of drops that could not be read. */
  get damaged(): number {
    return this.#damaged;
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    if (((words[at + CPU_AND_KIND]! >>> 16) & 0xff) !== KIND_DROP) return;
    const drop = this.#maker.drop(words.subarray(at, at + bytes / 4));
    if (drop === null) this.#damaged++;
    else this.#receive(drop);
  }

  /** The programs count what is lost. */
  lost(): void {}

  dry(): void {}
}

/** Bytes and text of an address, by `AF_INET` and `AF_INET6`. */
const ADDRESSES: Readonly<Record<number, { bytes: number; at: typeof ipv4At }>> = {
  2: { bytes: 4, at: ipv4At },
  10: { bytes: 16, at: ipv6At },
};

/** Of what was read at a member's place, as much as belongs to it; `null` if it was not read. */
function field(word: number, place: { readonly bytes: number } | undefined): number | null {
  if (place === undefined || word === UNKNOWN) return null;
  return place.bytes < 4 ? word & ((1 << 8 * place.bytes) - 1) : word;
}

/** An address with the bits behind a prefix cleared. */
function masked(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  return bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, length - 8 * index));
    return byte & (0xff00 >> bits);
  });
}
