/**
 * Packets as spans of OTLP: a trace for each, of which the root is its way through vrouter, with the stages
 * below, and its calls if they are kept. That of a dropped packet has the status of an error.
 *
 * Format: opentelemetry/proto/trace/v1/trace.proto of https://github.com/open-telemetry/opentelemetry-proto
 * Names of attributes: https://opentelemetry.io/docs/specs/semconv/registry/attributes/, and those that are not
 * in it begin with `vrouter.`
 *
 * @module
 */

import { decodePacket } from "../../packet/decode.ts";
import { describe, protocolWord } from "../../packet/describe.ts";
import { type DecodedPacket, tupleOf } from "../../packet/headers.ts";
import type { Drop, DropVif } from "../../trace/drop.ts";
import type { Incomplete, Step, View } from "../../trace/events.ts";
import { type Decision, type Journey, type Outcome, WAITS } from "../../trace/journey.ts";
import type { AgentInterface } from "../../vrouter/introspect.ts";
import { reasonText } from "../drops/words.ts";
import { decisionText, nexthopsOf } from "../packets/words.ts";
import { Message } from "../protobuf.ts";
import { type AttributeValue, putAttribute } from "./attributes.ts";
import type { TraceIds } from "./ids.ts";
import { putResource, putScope, type Resource } from "./resource.ts";

// Fields of ExportTraceServiceRequest, ResourceSpans and ScopeSpans.
const RESOURCE_SPANS = 1;
const SCOPE_SPANS = 2;
const SPANS = 2;
// Fields of Span.
const TRACE_ID = 1;
const SPAN_ID = 2;
const PARENT_SPAN_ID = 4;
const NAME = 5;
const KIND = 6;
const START = 7;
const END = 8;
const ATTRIBUTES = 9;
const LINKS = 13;
const STATUS = 15;
// Fields of Status.
const STATUS_MESSAGE = 2;
const STATUS_CODE = 3;

const KIND_INTERNAL = 1;
const STATUS_ERROR = 2;

/** Name of the root: with few names, receivers can group by them. */
const PACKET = "packet";
/** Of a kernel that does not say why, as the conventions call it. */
const OTHER = "_OTHER";

/** Spans of one journey at most, as places of ids: 64 stages and 4,096 calls are far below. */
const PLACES = 1 << 16;
/** Packets of which is known that they came in before: the latest. */
const REMEMBERED = 1 << 16;
const TWO_32 = 2 ** 32;

/** What spans are written by. */
export interface SpanSources {
  readonly resource: Resource;
  readonly ids: TraceIds;
  /** Nanoseconds that CLOCK_REALTIME is ahead of CLOCK_MONOTONIC; asked once for each request. */
  readonly wallOffset: () => bigint;
  /** Names of functions, by the indexes used in calls. */
  readonly functions: readonly string[];
  /** What the agent knows of a vif, or of a device; by default nothing. */
  readonly names?: (vif: DropVif | null, device: string | null) => AgentInterface | null;
}

/** Writes requests, which are whole when they are taken. */
export class SpanWriter {
  readonly #sources: SpanSources;
  readonly #out = new Message();
  readonly #calls: CallSpans;
  #count = 0;
  #resource = 0;
  #scope = 0;
  #offset = 0n;
  /** By the lowest bits of a packet's number: the latest of those packets, and how often it came in. */
  readonly #latest = new Float64Array(REMEMBERED);
  readonly #times = new Uint16Array(REMEMBERED);

  constructor(sources: SpanSources) {
    this.#sources = sources;
    this.#calls = new CallSpans(sources, this.#out);
  }

  /** Spans since the last {@linkcode take}, and the bytes of their request. */
  get count(): number {
    return this.#count;
  }

  get length(): number {
    return this.#out.length;
  }

  /**
   * A request with all spans since the last one: an ExportTraceServiceRequest. Several in a row, as bytes, are
   * one such message, too.
   */
  take(): Uint8Array<ArrayBuffer> {
    if (this.#count > 0) {
      this.#out.end(this.#scope);
      this.#out.end(this.#resource);
    }
    const bytes = this.#out.bytes.slice();
    this.#out.clear();
    this.#count = 0;
    return bytes;
  }

  /** Adds a packet. */
  journey(journey: Journey): void {
    this.#begin();
    const out = this.#out;
    const { ids } = this.#sources;
    const { number, begin, duration, outcome, decisions } = journey;
    const drop = outcome.type === "dropped" ? outcome.drop : null;
    const first = PLACES * this.#before(number);
    const start = begin + this.#offset;
    const span = out.begin(SPANS);
    out.data(TRACE_ID, ids.trace(number));
    out.data(SPAN_ID, ids.span(number, first));
    out.text(NAME, PACKET);
    this.#kindAndTimes(start, start + BigInt(duration));
    this.#put("vrouter.packet.number", number);
    this.#packet(journey.bytes, journey.length);
    this.#put("network.interface.name", journey.vif?.device ?? journey.device);
    this.#put("vrouter.vif", journey.vif?.index ?? null);
    this.#put("vrouter.vrf", journey.vrf);
    this.#names(journey.vif, journey.device);
    this.#outcome(outcome);
    if (journey.isIncomplete) this.#put("vrouter.incomplete", true);
    const words = decisions.map((one) => decisionText(one, journey.vrf)).filter((one) =>
      one !== null
    );
    this.#put("vrouter.decisions", words.length > 0 ? words : null);
    const flow = drop?.flow ?? decisions.findLast((one) => one.type === "flow");
    this.#put("vrouter.flow.index", flow?.index ?? null);
    this.#put("vrouter.flow.action", flow?.action ?? null);
    const nexthop = drop?.nexthop ?? lastNexthop(decisions);
    this.#put("vrouter.nexthop.id", nexthop?.id ?? null);
    this.#put("vrouter.nexthop.type", nexthop?.type || null);
    if (drop !== null) this.#drop(drop);
    const { parentNumber } = journey;
    if (parentNumber !== null) {
      const link = out.begin(LINKS);
      out.data(TRACE_ID, ids.trace(parentNumber));
      out.data(SPAN_ID, ids.span(parentNumber, 0));
      out.end(link);
    }
    if (drop !== null) this.#error(drop);
    out.end(span);
    this.#count++;
    const stages = this.#stages(journey, start, first);
    if (journey.calls === undefined) return;
    this.#count += this.#calls.add(journey, this.#offset, first, first + 1 + stages);
  }

  /** Adds a drop of which no way is known. @param number of the packet, or of the drop, from 1 on */
  drop(drop: Drop, number: number): void {
    this.#begin();
    const out = this.#out;
    const { ids } = this.#sources;
    const time = drop.time + this.#offset;
    const span = out.begin(SPANS);
    out.data(TRACE_ID, ids.trace(number));
    out.data(SPAN_ID, ids.span(number, PLACES * this.#before(number)));
    out.text(NAME, PACKET);
    this.#kindAndTimes(time, time);
    this.#packet(drop.bytes, drop.length);
    this.#put("network.interface.name", drop.vif?.device ?? drop.device);
    this.#put("vrouter.vif", drop.vif?.index ?? null);
    this.#put("vrouter.vrf", drop.vrf);
    this.#names(drop.vif, drop.device);
    this.#put("vrouter.outcome", "dropped");
    this.#put("vrouter.flow.index", drop.flow?.index ?? null);
    this.#put("vrouter.flow.action", drop.flow?.action ?? null);
    const nexthop = drop.nexthop ?? drop.route?.nexthop ?? null;
    this.#put("vrouter.nexthop.id", nexthop?.id ?? null);
    this.#put("vrouter.nexthop.type", nexthop?.type || null);
    this.#put("cpu.logical_number", drop.cpu);
    this.#drop(drop);
    this.#error(drop);
    out.end(span);
    this.#count++;
  }

  #begin(): void {
    if (this.#count > 0) return;
    const { resource, wallOffset } = this.#sources;
    this.#offset = wallOffset();
    this.#resource = this.#out.begin(RESOURCE_SPANS);
    putResource(this.#out, resource);
    this.#scope = this.#out.begin(SCOPE_SPANS);
    putScope(this.#out, resource);
  }

  /** How often a packet came in before, as far as that is remembered. */
  #before(number: number): number {
    const place = number % REMEMBERED;
    if (this.#latest[place] === number) return ++this.#times[place]!;
    this.#latest[place] = number;
    return this.#times[place] = 0;
  }

  #kindAndTimes(start: bigint, end: bigint): void {
    this.#out.number(KIND, KIND_INTERNAL);
    this.#out.fixed64(START, start);
    this.#out.fixed64(END, end);
  }

  #put(key: string, value: AttributeValue): void {
    putAttribute(this.#out, ATTRIBUTES, key, value);
  }

  /** Whose vif it came in by. */
  #names(vif: DropVif | null, device: string | null): void {
    const known = this.#sources.names?.(vif, device) ?? null;
    if (known === null) return;
    this.#put("vrouter.vm.name", known.vmName || null);
    this.#put("vrouter.vm.id", known.vmUuid || null);
    this.#put("vrouter.network.name", known.network || null);
    this.#put("vrouter.vmi.name", known.configName || null);
    this.#put("vrouter.vmi.id", known.uuid || null);
    this.#put("vrouter.project.id", known.project || null);
  }

  #packet(bytes: Uint8Array, length: number): void {
    this.#put("vrouter.packet.length", length);
    if (bytes.length === 0) return;
    const decoded = decodePacket(bytes, length);
    this.#put("vrouter.packet.summary", describe(decoded));
    this.#ends(decoded);
    const { outer, inner } = decoded;
    const { tunnel, network } = outer;
    if (tunnel === null || inner === null || network?.kind !== "ip") return;
    this.#put("vrouter.tunnel.type", tunnel.kind);
    this.#put("vrouter.tunnel.source.address", network.source);
    this.#put("vrouter.tunnel.destination.address", network.destination);
    this.#put("vrouter.tunnel.label", tunnel.labels[0] ?? null);
    this.#put("vrouter.tunnel.vni", tunnel.vni);
  }

  /** Who talks to whom: of a packet in a tunnel, the guests. */
  #ends({ outer, inner }: DecodedPacket): void {
    const headers = inner ?? outer;
    const { network } = headers;
    if (network?.kind === "arp") {
      this.#put("source.address", network.senderAddress);
      this.#put("destination.address", network.targetAddress);
    }
    if (network?.kind !== "ip") return;
    this.#put("network.type", `ipv${network.version}`);
    this.#put("source.address", network.source);
    this.#put("destination.address", network.destination);
    const tuple = tupleOf(headers);
    if (tuple === null) return;
    this.#put("network.transport", protocolWord(tuple.protocol));
    this.#put("source.port", tuple.sourcePort);
    this.#put("destination.port", tuple.destinationPort);
  }

  #outcome(outcome: Outcome): void {
    const { type } = outcome;
    this.#put("vrouter.outcome", type);
    if (type === "left" || type === "delivered") {
      if (type === "delivered") this.#put("vrouter.outcome.to", outcome.to);
      this.#put("vrouter.outcome.vif", outcome.vif?.index ?? null);
      this.#put("vrouter.outcome.interface", outcome.device ?? outcome.vif?.device ?? null);
      const known = this.#sources.names?.(outcome.vif, outcome.device) ?? null;
      this.#put("vrouter.outcome.vm.name", known?.vmName || null);
      this.#put("vrouter.outcome.network.name", known?.network || null);
    } else if (type === "trapped") this.#put("vrouter.trap.reason", outcome.reason);
    else if (type === "replicated") this.#put("vrouter.copies", outcome.copies);
  }

  /** Why a packet was dropped, and where. */
  #drop({ source, reason, cause, route, stack }: Drop): void {
    if (reason.class !== "housekeeping") {
      this.#put("error.type", reason.number < 0 ? OTHER : reason.name);
    }
    this.#put("vrouter.drop.reason", reason.label || null);
    this.#put("vrouter.drop.class", reason.class);
    this.#put("vrouter.drop.cause", cause);
    this.#put("vrouter.drop.source", source);
    this.#put("vrouter.route.key", route?.key ?? null);
    this.#put("vrouter.route.vrf", route?.vrf ?? null);
    this.#put("code.function.name", stack[0] ?? null);
    this.#put("code.stacktrace", stack.length === 0 ? null : stack.join("\n"));
  }

  #error(drop: Drop): void {
    // Freed in the course of things.
    if (drop.reason.class === "housekeeping") return;
    const text = reasonText(drop);
    const status = this.#out.begin(STATUS);
    this.#out.text(STATUS_MESSAGE, drop.cause === null ? text : `${text}: ${drop.cause}`);
    this.#out.number(STATUS_CODE, STATUS_ERROR);
    this.#out.end(status);
  }

  /** @returns their number */
  #stages({ number, stages }: Journey, begin: bigint, root: number): number {
    const out = this.#out;
    const { ids } = this.#sources;
    let [place, passed] = [root, 0];
    for (const { name, duration } of stages) {
      const span = out.begin(SPANS);
      out.data(TRACE_ID, ids.trace(number));
      out.data(SPAN_ID, ids.span(number, ++place));
      out.data(PARENT_SPAN_ID, ids.span(number, root));
      out.text(NAME, name);
      const start = begin + BigInt(passed);
      passed += duration;
      this.#kindAndTimes(start, begin + BigInt(passed));
      if (WAITS.has(name)) this.#put("vrouter.wait", true);
      out.end(span);
      this.#count++;
    }
    return stages.length;
  }
}

/** Writes the calls of packets. */
class CallSpans implements View {
  readonly #sources: SpanSources;
  readonly #out: Message;
  // Of the packet at hand:
  #number = 0;
  #offset = 0n;
  #root = 0;
  #first = 0;
  #count = 0;
  /** By call: its begin, and the place of the call around it. */
  readonly #begin: bigint[] = [];
  readonly #parent: number[] = [];
  /** By depth: the latest call. */
  readonly #around: number[] = [];
  /** By open call of the trace: which of them it is. */
  readonly #row: number[] = [];

  constructor(sources: SpanSources, out: Message) {
    this.#sources = sources;
    this.#out = out;
  }

  /**
   * Adds the calls of a packet.
   *
   * @param offset of the wall clock
   * @param root place of the packet's own span
   * @param first place of the first call
   * @returns the number of their spans
   */
  add({ number, calls }: Journey, offset: bigint, root: number, first: number): number {
    this.#number = number;
    this.#offset = offset;
    this.#root = root;
    this.#first = first;
    this.#count = 0;
    calls?.replay(this);
    return this.#count;
  }

  enter(step: Readonly<Step>): void {
    const call = this.#count++;
    this.#row[step.call] = call;
    this.#begin[call] = this.#time(step);
    this.#parent[call] = step.depth === 0
      ? this.#root
      : this.#first + this.#around[step.depth - 1]!;
    this.#around[step.depth] = call;
  }

  leave(step: Readonly<Step>): void {
    this.#end(step, null);
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    this.#end(step, why);
  }

  orphan(): void {}

  #end(step: Readonly<Step>, why: Incomplete | null): void {
    const call = this.#row[step.call]!;
    const out = this.#out;
    const { ids, functions } = this.#sources;
    const span = out.begin(SPANS);
    out.data(TRACE_ID, ids.trace(this.#number));
    out.data(SPAN_ID, ids.span(this.#number, this.#first + call));
    out.data(PARENT_SPAN_ID, ids.span(this.#number, this.#parent[call]!));
    out.text(NAME, functions[step.fn]!);
    out.number(KIND, KIND_INTERNAL);
    const [begin, end] = [this.#begin[call]!, this.#time(step)];
    out.fixed64(START, begin);
    // Clocks of CPUs differ by a little.
    out.fixed64(END, end < begin ? begin : end);
    putAttribute(out, ATTRIBUTES, "cpu.logical_number", step.cpu);
    putAttribute(out, ATTRIBUTES, "thread.id", step.task < 0 ? null : step.task);
    putAttribute(out, ATTRIBUTES, "vrouter.incomplete", why);
    out.end(span);
  }

  #time({ low, high }: Readonly<Step>): bigint {
    return BigInt((high >>> 0) * TWO_32) + BigInt(low >>> 0) + this.#offset;
  }
}

function lastNexthop(decisions: readonly Decision[]): { id: number; type: string } | null {
  const last = decisions.findLast((one) => nexthopsOf(one).length > 0);
  return last === undefined ? null : nexthopsOf(last).at(-1)!;
}
