/**
 * Packets as JSON lines: docs/schema/packets.schema.json describes them.
 *
 * @module
 */

import { describePacket } from "../../packet/describe.ts";
import { printableJsonLine } from "../../sys/printable.ts";
import type { Drop } from "../../trace/drop.ts";
import {
  type Decision,
  type Journey,
  type Nexthop,
  type Outcome,
  type Stage,
  WAITS,
} from "../../trace/journey.ts";
import type { JourneyCalls } from "../../trace/journey_calls.ts";
import type { PathGroup, PathStep } from "../../trace/paths.ts";
import type { Times } from "../../trace/percentiles.ts";
import type { Statistics } from "../../trace/stage_statistics.ts";
import { vifOf, whyDropped } from "../drops/json.ts";
import { universalTime } from "../drops/wall_clock.ts";
import type { Comparison } from "./comparison.ts";

/** Of the schema; one more when a key changes its meaning or goes away. */
const VERSION = 1;

/** How packets are written. */
export interface PacketJsonStyle {
  /** Nanoseconds that CLOCK_REALTIME is ahead of CLOCK_MONOTONIC. */
  readonly offset: bigint;
  /** Commands that tell more of a drop; `null` to leave them out. */
  readonly hints: ((drop: Drop) => readonly string[]) | null;
  /** Describes the calls of packets that have them; by default they are left out. */
  readonly calls?: (calls: JourneyCalls) => readonly object[];
}

/** One line: an object of its type. */
export function jsonLine(type: string, fields: object): string {
  return printableJsonLine({ type, version: VERSION, ...fields });
}

/** The line of a packet. */
export function packetJson(journey: Journey, { offset, hints, calls }: PacketJsonStyle): string {
  const { outcome } = journey;
  return jsonLine("packet", {
    number: journey.number,
    id: `${journey.id}`,
    parent: journey.parent === null ? null : `${journey.parent}`,
    parentNumber: journey.parentNumber,
    time: universalTime(journey.begin, offset),
    monotonic: `${journey.begin}`,
    duration: journey.duration,
    stages: journey.stages.map(stageOf),
    vif: vifOf(journey.vif),
    vrf: journey.vrf,
    device: journey.device,
    length: journey.length,
    packet: describePacket(journey.bytes, journey.length),
    bytes: journey.bytes.toHex(),
    decisions: journey.decisions.map(decisionOf),
    outcome: outcomeOf(outcome),
    isIncomplete: journey.isIncomplete,
    ...hints !== null && outcome.type === "dropped" ? { hints: hints(outcome.drop) } : {},
    ...calls === undefined || journey.calls === undefined ? {} : { calls: calls(journey.calls) },
  });
}

/** The line of the statistics of a trace. */
export function statisticsJson({ total, stages, histogram }: Statistics): string {
  return jsonLine("statistics", {
    total: timesOf(total),
    stages: [...stages].map(([name, times]) => ({
      name,
      isWait: WAITS.has(name),
      ...timesOf(times),
    })),
    histogram: histogram.map(({ from, to, count }) => ({ from, to, packets: count })),
  });
}

/** The line of a path that packets took. */
export function pathJson(group: PathGroup): string {
  return jsonLine("path", {
    ...timesOf(group.times),
    ...wayOf(group),
    example: group.example.number,
  });
}

/** The line of a comparison of two groups. */
export function diffJson({ names, groups, comparison, outcomes }: Comparison): string {
  const stepOf = ({ key, decision }: PathStep): object => {
    const outcome = outcomes.get(key);
    return {
      decision: decision === null ? null : decisionOf(decision),
      outcome: decision === null && outcome !== undefined ? outcomeOf(outcome) : null,
    };
  };
  const { common, partings, both, onlyLeft, onlyRight } = comparison;
  return jsonLine("diff", {
    groups: names.map((filter, side) => ({ filter, ...timesOf(groups[side]!) })),
    common: common.map(stepOf),
    partings: partings.map((parting) => ({
      common: parting.common.map(stepOf),
      branches: parting.branches.map(({ step, left, right }) => ({
        ...stepOf(step),
        packets: [left, right],
      })),
    })),
    paths: [...both, ...onlyLeft, ...onlyRight].map(({ left, right }) => ({
      ...wayOf((left ?? right)!),
      packets: [left?.count ?? 0, right?.count ?? 0],
    })),
  });
}

function wayOf({ steps, example }: PathGroup): object {
  return {
    decisions: steps.flatMap(({ decision }) => decision === null ? [] : [decisionOf(decision)]),
    outcome: outcomeOf(example.outcome),
  };
}

function timesOf({ count, p50, p99, max }: Times): object {
  return { packets: count, p50, p99, max };
}

function stageOf({ name, duration }: Stage): object {
  return { name, duration, isWait: WAITS.has(name) };
}

/** A decision, key by key, so that the output has what the schema names and nothing else. */
export function decisionOf(decision: Decision): object {
  const { type } = decision;
  switch (type) {
    case "bridge":
    case "route": {
      const { vrf, key, prefix, nexthop, label } = decision;
      return { type, vrf, key, prefix, nexthop: nexthopOf(nexthop), label };
    }
    case "label":
    case "vni":
      return { type, number: decision.number, nexthop: nexthopOf(decision.nexthop) };
    case "nexthop":
      return { type, nexthop: nexthopOf(decision.nexthop), label: decision.label };
    case "flow": {
      const { index, reverse, action, result } = decision;
      return { type, index, reverse, action, result };
    }
    case "nat":
      return { type, before: decision.before, after: decision.after };
    case "rpf": {
      const { result, expected, vif, outerSource } = decision;
      return { type, result, expected: nexthopOf(expected), vif, outerSource };
    }
    case "ecmp":
      return { type, nexthop: nexthopOf(decision.nexthop), member: decision.member };
    case "vrf":
      return { type, from: decision.from, to: decision.to };
    case "mtu":
      return { type, mtu: decision.mtu, tooBig: decision.tooBig };
    case "trap":
      return { type, vrf: decision.vrf, reason: decision.reason };
  }
}

/** What became of a packet, likewise. */
export function outcomeOf(outcome: Outcome): object {
  const { type } = outcome;
  switch (type) {
    case "left":
      return { type, vif: vifOf(outcome.vif), device: outcome.device };
    case "delivered":
      return { type, to: outcome.to, vif: vifOf(outcome.vif), device: outcome.device };
    case "dropped":
      return { type, ...whyDropped(outcome.drop) };
    case "trapped":
      return { type, reason: outcome.reason, answer: outcome.answer };
    case "held":
      return { type, evicted: outcome.evicted };
    case "replicated":
      return { type, copies: outcome.copies };
    default:
      return { type };
  }
}

function nexthopOf(nexthop: Nexthop | null): object | null {
  if (nexthop === null) return null;
  const { id, type, flags, vif, source, destination } = nexthop;
  return { id, type, flags, vif: vifOf(vif), source, destination };
}
