/**
 * Packets as pcapng, for Wireshark, tshark and tcpdump: a record for each sighting of a packet that has bytes.
 * Wireshark filters by what is known besides, without a plugin: `frame.packet_id == 7`,
 * `frame.interface_name == "tap1"`, and of the comment, which has words in a fixed order that no packet has,
 * `frame.comment contains "vrft.drop=FLOW_ACTION_DROP"`.
 *
 * Records of calls have no bytes of the packet, so where it is seen in a call it has those of an earlier
 * sighting, and the comment says `vrft.bytes=earlier`.
 *
 * Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
 *
 * @module
 */

import {
  DROP_BYTES,
  DROP_CAPTURED,
  DROP_HEADER,
  DROP_IFINDEX,
  DROP_LENGTH,
  DROP_NETNS,
} from "../probe/packet_record.ts";
import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { printable } from "../sys/printable.ts";
import type { PacketDetails, Step } from "../trace/events.ts";
import { UNKNOWN_PACKET } from "../trace/packets.ts";
import { type DropFacts, dropFacts } from "./drop_facts.ts";
import type { LineWriter } from "./line_writer.ts";
import {
  type Format,
  missingText,
  type Origin,
  type OutputView,
  type Sightings,
  type TraceContext,
  UNKNOWN_ORIGIN,
} from "./view.ts";
import { textBytes } from "./row.ts";

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Type, both lengths. */
const BLOCK_BYTES = 12;
/** Of an enhanced packet block, what is in front of the packet. */
const PACKET_HEAD_BYTES = 28;
/** Type and length of an option. */
const OPTION_BYTES = 4;

// Options.
const END = 0;
const COMMENT = 1;
const SECTION_OS = 3;
const SECTION_PROGRAM = 4;
const INTERFACE_NAME = 2;
const INTERFACE_DETAIL = 3;
const INTERFACE_RESOLUTION = 9;
const PACKET_ID = 5;
const PACKET_QUEUE = 6;

/** Times are in units of 10^-9 seconds. */
const NANOSECONDS = 9;

const LINK_ETHERNET = 1;
const LINK_SLL2 = 276;
/** Bytes of a header of LINUX_SLL2. */
const SLL2_BYTES = 20;
const ETHERNET_BYTES = 14;
const ADDRESS_BYTES = 6;
const ARPHRD_ETHER = 1;

/** A packet's bytes that are kept, longer than the programs record. */
const KEPT_BYTES = 128;
/** Packets that are written at a time at the end. */
const PACKETS = 1024;
/** Bytes of a comment at most. */
const COMMENT_BYTES = 2048;

/** The format's entry in the list. */
export const PCAPNG: Format = {
  packets: true,
  drops: true,
  kernelDrops: true,
  isBinary: true,
  open: (writer, context) => new PcapngView(writer, context),
};

const ALL: Sightings = { at: "all", functions: [], cooked: false };

/** Where a packet is seen. */
interface Place {
  readonly low: number;
  readonly high: number;
  readonly cpu: number;
  readonly task: number;
  readonly fn: number;
  /** {@linkcode UNKNOWN_PACKET} if it is not known. */
  readonly id: number;
  /** As in `PacketTable.number()`. */
  readonly number: number;
}

/** Writes a block for each sighting. */
class PcapngView implements OutputView {
  readonly hasPacketRows = false;
  readonly #writer: LineWriter;
  readonly #context: TraceContext;
  readonly #origin: Origin;
  readonly #at: Sightings["at"];
  readonly #cooked: boolean;
  /** By function: whether its calls are sightings. */
  readonly #isChosen: Uint8Array;
  /** By function: `vrft.fn=` and its name. */
  readonly #names: readonly Uint8Array[];
  readonly #interfaces = new Map<string, number>();
  /** The interface of the latest sighting. */
  #netns = 0;
  #ifindex = 0;
  #link = 0;
  #number = 0;
  readonly #comment = new Comment();
  /** What is known of the packet of each slot; not there if nothing needs it. */
  readonly #kept: KeptPackets | null;
  readonly #wallLow: number;
  readonly #wallHigh: number;

  constructor(writer: LineWriter, context: TraceContext) {
    const { at, functions, cooked } = context.sightings ?? ALL;
    this.#writer = writer;
    this.#context = context;
    this.#origin = context.origin ?? UNKNOWN_ORIGIN;
    this.#at = at;
    this.#cooked = cooked;
    const chosen = new Set(at === "functions" ? functions : []);
    this.#isChosen = Uint8Array.from(context.functions, (name) => chosen.has(name) ? 1 : 0);
    this.#names = context.functions.map((name) => word("fn", name));
    this.#kept = at === "functions" || at === "last" ? new KeptPackets() : null;
    const offset = BigInt.asUintN(64, this.#origin.wallOffset);
    this.#wallLow = Number(offset & 0xffff_ffffn);
    this.#wallHigh = Number(offset >> 32n);
  }

  begin(): number {
    const { host, kernel, program } = this.#origin;
    const loss = missingText(this.#context);
    const head = new Uint8Array(16);
    const view = new DataView(head.buffer);
    view.setUint32(0, BYTE_ORDER_MAGIC, true);
    view.setUint16(4, 1, true);
    view.setBigInt64(8, -1n, true);
    this.#block(SECTION_HEADER, [
      head,
      ...host === "" ? [] : option(COMMENT, textBytes(`vrft.host=${printable(host)}`)),
      ...loss === "" ? [] : option(COMMENT, textBytes(loss)),
      ...kernel === "" ? [] : option(SECTION_OS, textBytes(`Linux ${printable(kernel)}`)),
      ...option(SECTION_PROGRAM, textBytes(program)),
      ...option(END, new Uint8Array()),
    ]);
    return 0;
  }

  enter(step: Readonly<Step>): void {
    const kept = this.#kept;
    if (kept === null || step.packet < 0) return;
    const { packets } = this.#context;
    const id = packets.id(step.packet);
    const slot = step.packet & 0xffff;
    if (id === UNKNOWN_PACKET || kept.id[slot] !== id) return;
    if (this.#isChosen[step.fn] === 1) {
      this.#known(placeOf(step, id, packets.number(step.packet)), slot);
    }
    kept.see(slot, step);
  }

  leave(): void {}

  abandon(): void {}

  orphan(): void {}

  packet(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const { id, captured, length, netns, ifindex, header } = details;
    if (captured === 0) return;
    const slot = step.packet & 0xffff;
    const number = this.#context.packets.number(step.packet);
    this.#kept?.keep(slot, step, { id, number, netns, ifindex, length, captured, header });
    if (this.#at !== "all" && this.#at !== "first") return;
    this.#begin(placeOf(step, id, number));
    this.#write(placeOf(step, id, number), { netns, ifindex, length, captured, header });
  }

  copied(step: Readonly<Step>, { id, parent }: Readonly<PacketDetails>): void {
    const from = parent % SLOTS;
    const kept = this.#kept;
    // It has its own bytes where it is seen next, but may never be.
    if (kept === null || parent === UNKNOWN_PACKET || kept.id[from] !== parent) return;
    kept.copy(from, step.packet & 0xffff, id, this.#context.packets.number(step.packet));
  }

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const { id } = details;
    const number = this.#context.packets.number(step.packet);
    const place = placeOf(step, id, number);
    const facts = dropFacts(details, this.#context);
    const { record } = facts;
    const captured = Math.min(record[DROP_CAPTURED]! & 0xffff, record.byteLength - DROP_BYTES);
    const header = new Uint8Array(record.buffer, 4 * DROP_HEADER, Math.max(0, captured));
    const [netns, ifindex] = [record[DROP_NETNS]!, record[DROP_IFINDEX]!];
    const seen = { netns, ifindex, length: record[DROP_LENGTH]!, captured: header.length, header };
    const words = wordsOf(facts);
    const slot = step.packet & 0xffff;
    if (this.#kept !== null && step.packet >= 0) {
      if (seen.captured > 0) this.#kept.keep(slot, step, { id, number, ...seen });
      if (this.#kept.id[slot] === id) this.#kept.drops.set(slot, words);
    }
    if (this.#at !== "all" && this.#at !== "drop") return;
    this.#begin(place);
    this.#comment.put(words);
    this.#write(place, seen);
  }

  ended(step: Readonly<Step>, { id }: Readonly<PacketDetails>): void {
    const kept = this.#kept;
    const slot = step.packet & 0xffff;
    if (kept === null || id === UNKNOWN_PACKET || kept.id[slot] !== id) return;
    if (this.#at === "last") {
      const place = placeOf(step, id, this.#context.packets.number(step.packet));
      // Most packets end outside of all functions.
      this.#known({ ...place, fn: step.fn < 0 ? kept.fn[slot]! : step.fn }, slot);
    }
    kept.forget(slot);
  }

  *end(): Generator<void, void, undefined> {
    if (this.#at === "last") yield* this.#rest(this.#kept!);
    // Without an interface, libpcap refuses the file.
    if (this.#interfaces.size === 0) this.#describe(0, 0, this.#cooked ? LINK_SLL2 : LINK_ETHERNET);
  }

  /** Packets that have not ended. */
  *#rest(kept: KeptPackets): Generator<void, void, undefined> {
    for (let slot = 0; slot < SLOTS; slot++) {
      if (kept.id[slot] !== UNKNOWN_PACKET) this.#known(kept.place(slot), slot);
      if (slot % PACKETS === 0) yield;
    }
  }

  /** Writes a sighting with the bytes that are kept. */
  #known(place: Place, slot: number): void {
    const kept = this.#kept!;
    this.#begin(place);
    const drop = kept.drops.get(slot);
    if (drop !== undefined) this.#comment.put(drop);
    if (kept.isOlder[slot] === 1) this.#comment.put(EARLIER_BYTES);
    const start = slot * KEPT_BYTES;
    this.#write(place, {
      netns: kept.netns[slot]!,
      ifindex: kept.ifindex[slot]!,
      length: kept.length[slot]!,
      captured: kept.captured[slot]!,
      header: kept.bytes.subarray(start, start + kept.captured[slot]!),
    });
  }

  /** Begins the comment. */
  #begin({ fn, id, number, task }: Place): void {
    const comment = this.#comment;
    comment.clear();
    if (fn >= 0) comment.put(this.#names[fn]!);
    if (number > 0) comment.number(PACKET_WORD, number);
    if (id !== UNKNOWN_PACKET) {
      const parent = this.#context.packets.numberOf(id) === 0
        ? UNKNOWN_PACKET
        : this.#context.packets.parent(handleOf(id));
      const from = this.#context.packets.numberOf(parent);
      if (from > 0) comment.number(PARENT_WORD, from);
    }
    comment.number(TASK_WORD, task);
  }

  /** Writes a sighting, with the comment. */
  #write(place: Place, seen: Seen): void {
    const { header, captured } = seen;
    const isMadeUp = hasNoAddresses(header, captured);
    const isCooked = this.#cooked || isMadeUp;
    const port = this.#interface(seen, isCooked ? LINK_SLL2 : LINK_ETHERNET);
    // A made-up Ethernet header was only there for its type; of another one the packet is what is behind it.
    const hasEthernet = captured >= ETHERNET_BYTES;
    const cut = isCooked ? Math.min(captured, ETHERNET_BYTES) : 0;
    const front = isCooked ? SLL2_BYTES : 0;
    const bytes = front + captured - cut;
    const length = Math.min(Math.max(bytes, front + seen.length - cut), 0xffff_ffff);
    const comment = this.#comment;
    const hasId = place.id !== UNKNOWN_PACKET;
    const total = BLOCK_BYTES + PACKET_HEAD_BYTES - 8 + padded(bytes) + OPTION_BYTES +
      padded(comment.length) + (hasId ? OPTION_BYTES + 8 : 0) + (OPTION_BYTES + 4) + OPTION_BYTES;
    const start = this.#writer.room(total);
    const { view, buffer } = this.#writer;
    const low = (place.low >>> 0) + this.#wallLow;
    const high = (place.high >>> 0) + this.#wallHigh + (low >= 2 ** 32 ? 1 : 0);
    view.setUint32(start, ENHANCED_PACKET, true);
    view.setUint32(start + 4, total, true);
    view.setUint32(start + 8, port, true);
    view.setUint32(start + 12, high, true);
    view.setUint32(start + 16, low, true);
    view.setUint32(start + 20, bytes, true);
    view.setUint32(start + 24, length, true);
    let at = start + PACKET_HEAD_BYTES;
    buffer.fill(0, at, start + total);
    if (isCooked) {
      const type = hasEthernet ? header[12]! << 8 | header[13]! : 0;
      view.setUint16(at, type);
      view.setUint32(at + 4, seen.ifindex);
      view.setUint16(at + 8, ARPHRD_ETHER);
      if (hasEthernet && !isMadeUp) {
        view.setUint8(at + 11, ADDRESS_BYTES);
        for (let byte = 0; byte < ADDRESS_BYTES; byte++) {
          view.setUint8(at + 12 + byte, header[ADDRESS_BYTES + byte]!);
        }
      }
    }
    for (let byte = cut; byte < captured; byte++) buffer[at + front + byte - cut] = header[byte]!;
    at += padded(bytes);
    view.setUint16(at, COMMENT, true);
    view.setUint16(at + 2, comment.length, true);
    comment.copyTo(buffer, at + OPTION_BYTES);
    at += OPTION_BYTES + padded(comment.length);
    if (hasId) {
      view.setUint16(at, PACKET_ID, true);
      view.setUint16(at + 2, 8, true);
      view.setUint32(at + 4, place.id % 2 ** 32, true);
      view.setUint32(at + 8, Math.floor(place.id / 2 ** 32), true);
      at += OPTION_BYTES + 8;
    }
    view.setUint16(at, PACKET_QUEUE, true);
    view.setUint16(at + 2, 4, true);
    view.setUint32(at + 4, place.cpu, true);
    // The end of the options is zero.
    view.setUint32(start + total - 4, total, true);
    this.#writer.end(start + total);
  }

  /** Number of the interface of a device, which is described when it is needed. */
  #interface({ netns, ifindex }: Seen, link: number): number {
    if (this.#link !== link || this.#ifindex !== ifindex || this.#netns !== netns) {
      this.#netns = netns;
      this.#ifindex = ifindex;
      this.#link = link;
      this.#number = this.#describe(netns, ifindex, link);
    }
    return this.#number;
  }

  #describe(netns: number, ifindex: number, link: number): number {
    const key = `${netns} ${ifindex} ${link}`;
    let number = this.#interfaces.get(key);
    if (number === undefined) {
      number = this.#interfaces.size;
      this.#interfaces.set(key, number);
      const head = new Uint8Array(8);
      new DataView(head.buffer).setUint16(0, link, true);
      const unnamed = ifindex === 0 ? "no device" : `ifindex ${ifindex}`;
      const name = printable(this.#origin.device(netns, ifindex) ?? unnamed);
      const vif = this.#origin.vif(netns, ifindex);
      this.#block(INTERFACE_DESCRIPTION, [
        head,
        ...option(INTERFACE_NAME, textBytes(name)),
        ...vif === null ? [] : option(INTERFACE_DETAIL, textBytes(`vif0/${vif}`)),
        ...option(INTERFACE_RESOLUTION, Uint8Array.of(NANOSECONDS)),
        ...option(END, new Uint8Array()),
      ]);
    }
    return number;
  }

  #block(type: number, parts: readonly Uint8Array[]): void {
    const contents = joined(parts);
    const block = new Uint8Array(BLOCK_BYTES + contents.length);
    const view = new DataView(block.buffer);
    view.setUint32(0, type, true);
    view.setUint32(4, block.length, true);
    block.set(contents, 8);
    view.setUint32(block.length - 4, block.length, true);
    this.#writer.bytes(block);
  }
}

/** What is known of a packet that is seen. */
interface Seen {
  readonly netns: number;
  readonly ifindex: number;
  readonly length: number;
  readonly captured: number;
  readonly header: Uint8Array;
}

/** The latest packet of each slot, with its bytes: 12 MB. */
class KeptPackets {
  /** {@linkcode UNKNOWN_PACKET} without one. */
  readonly id = new Float64Array(SLOTS).fill(UNKNOWN_PACKET);
  readonly netns = new Uint32Array(SLOTS);
  readonly ifindex = new Uint32Array(SLOTS);
  readonly length = new Uint32Array(SLOTS);
  readonly captured = new Uint16Array(SLOTS);
  readonly bytes = new Uint8Array(SLOTS * KEPT_BYTES);
  /** Whether it has been in calls since its bytes were seen. */
  readonly isOlder = new Uint8Array(SLOTS);
  readonly fn = new Int16Array(SLOTS);
  readonly #number = new Float64Array(SLOTS);
  readonly #low = new Int32Array(SLOTS);
  readonly #high = new Int32Array(SLOTS);
  readonly #cpu = new Uint16Array(SLOTS);
  readonly #task = new Int32Array(SLOTS);
  /** By slot: words of the comment on its drop. */
  readonly drops = new Map<number, Uint8Array>();

  keep(
    slot: number,
    step: Readonly<Step>,
    seen: Seen & { readonly id: number; readonly number: number },
  ): void {
    if (this.id[slot] !== seen.id) this.drops.delete(slot);
    const captured = Math.min(seen.captured, KEPT_BYTES);
    this.id[slot] = seen.id;
    this.#number[slot] = seen.number;
    this.netns[slot] = seen.netns;
    this.ifindex[slot] = seen.ifindex;
    this.length[slot] = seen.length;
    this.captured[slot] = captured;
    const start = slot * KEPT_BYTES;
    for (let byte = 0; byte < captured; byte++) this.bytes[start + byte] = seen.header[byte]!;
    this.see(slot, step);
    this.isOlder[slot] = 0;
  }

  /** It is in a call. */
  see(slot: number, { low, high, cpu, task, fn }: Readonly<Step>): void {
    this.isOlder[slot] = 1;
    this.#low[slot] = low;
    this.#high[slot] = high;
    this.#cpu[slot] = cpu;
    this.#task[slot] = task;
    this.fn[slot] = fn;
  }

  /** A copy is made: it has the same bytes for now. */
  copy(from: number, to: number, id: number, number: number): void {
    this.drops.delete(to);
    this.id[to] = id;
    this.#number[to] = number;
    this.netns[to] = this.netns[from]!;
    this.ifindex[to] = this.ifindex[from]!;
    this.length[to] = this.length[from]!;
    this.captured[to] = this.captured[from]!;
    this.bytes.copyWithin(to * KEPT_BYTES, from * KEPT_BYTES, (from + 1) * KEPT_BYTES);
    this.isOlder[to] = 1;
    this.#low[to] = this.#low[from]!;
    this.#high[to] = this.#high[from]!;
    this.#cpu[to] = this.#cpu[from]!;
    this.#task[to] = this.#task[from]!;
    this.fn[to] = this.fn[from]!;
  }

  forget(slot: number): void {
    this.id[slot] = UNKNOWN_PACKET;
    this.drops.delete(slot);
  }

  place(slot: number): Place {
    return {
      low: this.#low[slot]!,
      high: this.#high[slot]!,
      cpu: this.#cpu[slot]!,
      task: this.#task[slot]!,
      fn: this.fn[slot]!,
      id: this.id[slot]!,
      number: this.#number[slot]!,
    };
  }
}

/** Words of a comment, without an allocation for each. What does not fit is left out. */
class Comment {
  readonly #bytes = new Uint8Array(COMMENT_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  put(bytes: Uint8Array): void {
    if (this.#length + bytes.length + 1 > COMMENT_BYTES) return;
    this.#blank();
    for (let byte = 0; byte < bytes.length; byte++) this.#bytes[this.#length++] = bytes[byte]!;
  }

  /** A word and a whole number, 0 or more. */
  number(key: Uint8Array, value: number): void {
    let count = 1;
    for (let power = 10; power <= value; power *= 10) count++;
    if (this.#length + key.length + count + 1 > COMMENT_BYTES) return;
    this.put(key);
    this.#length += count;
    for (let rest = value, at = this.#length - 1; count > 0; count--, at--) {
      const next = Math.floor(rest / 10);
      this.#bytes[at] = 0x30 + (rest - 10 * next);
      rest = next;
    }
  }

  copyTo(buffer: Uint8Array, at: number): void {
    for (let byte = 0; byte < this.#length; byte++) buffer[at + byte] = this.#bytes[byte]!;
  }

  #blank(): void {
    if (this.#length > 0) this.#bytes[this.#length++] = 0x20;
  }
}

const PACKET_WORD = textBytes("vrft.packet=");
const PARENT_WORD = textBytes("vrft.parent=");
const TASK_WORD = textBytes("vrft.task=");
const BLANK = textBytes(" ");
const EARLIER_BYTES = textBytes("vrft.bytes=earlier");

function placeOf(
  { low, high, cpu, task, fn }: Readonly<Step>,
  id: number,
  number: number,
): Place {
  return { low, high, cpu, task, fn, id, number };
}

/** A word of a comment: without blanks. */
function word(key: string, value: string): Uint8Array {
  return textBytes(`vrft.${key}=${printable(value).replaceAll(/\s/g, "-")}`);
}

/** What a drop adds to a comment. */
function wordsOf({ reason, by, drop }: DropFacts): Uint8Array {
  const words = [word("drop", reason), word("by", by)];
  if (drop !== null) {
    const { cause, vif, vrf, nexthop, flow } = drop;
    if (cause !== null) words.push(word("cause", cause));
    if (vif !== null) words.push(word("vif", `${vif.index}`));
    if (vrf !== null) words.push(word("vrf", `${vrf}`));
    if (nexthop !== null) words.push(word("nh", `${nexthop.id}`));
    if (flow !== null) words.push(word("flow", `${flow.index}`));
  }
  return sentence(words);
}

/** Words with blanks between them. */
function sentence(words: readonly Uint8Array[]): Uint8Array {
  return joined(words.flatMap((one, index) => index === 0 ? [one] : [BLANK, one]));
}

/** Whether the Ethernet header is one that the programs have put in front of a bare header. */
function hasNoAddresses(header: Uint8Array, captured: number): boolean {
  if (captured < ETHERNET_BYTES) return false;
  for (let byte = 0; byte < 2 * ADDRESS_BYTES; byte++) if (header[byte] !== 0) return false;
  return true;
}

/** Handle of the packet that is known by `id`. */
function handleOf(id: number): number {
  return id % SLOTS | (Math.floor(id / SLOTS) & 0xff) << 16;
}

function option(type: number, value: Uint8Array): Uint8Array[] {
  const bytes = new Uint8Array(OPTION_BYTES + padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, OPTION_BYTES);
  return [bytes];
}

function padded(bytes: number): number {
  return bytes + 3 & ~3;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
