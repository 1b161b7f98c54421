/**
 * Probes for the way of packets: trampolines of the functions of `packet_functions.ts`.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { VROUTER } from "../kernel/functions.ts";
import { Failure } from "../sys/failure.ts";
import type { Attachment, AttachProgress, Prober } from "./backend.ts";
import { attachTracing } from "./bpf_syscall.ts";
import { decisionCookie, type DecisionPoint, decisionPoints } from "./decision_functions.ts";
import { tracepointGivesReason } from "./kernel_drops.ts";
import { cookieOf, ownBits } from "./layout.ts";
import { ARRIVES, type PacketProbe, packetProbe } from "./packet_functions.ts";
import { type LifeTarget, LISTING } from "./packet_life.ts";
import { type FunctionTypes, OwnPrograms, vrouterBtf } from "./trampolines.ts";
import { Turns } from "./turns.ts";

const DOOR = "vrft_packet_door";
const ARRIVAL = "vrft_packet_arrival";
const ENTRY = "vrft_packet_entry";
const RETURN = "vrft_packet_return";
const END = "vrft_packet_end";
const COPY = "vrft_packet_copy";
const COPIES = "vrft_packet_copies";
const DECISION = "vrft_decision";
const KERNEL_DROP = "vrft_kfree_skb";

/** What to probe for the way of packets. */
export interface PacketProbeOptions {
  /** The kernel's own BTF. */
  readonly kernel: Btf;
  readonly vrouter: Btf;
}

/** A way of attaching that sees the way of packets. Its targets are those of `findPacketFunctions()`. */
export function packetProbes({ kernel, vrouter }: PacketProbeOptions): Prober {
  const givesReason = tracepointGivesReason(kernel);
  const names = [
    DOOR,
    ARRIVAL,
    ENTRY,
    RETURN,
    END,
    COPY,
    COPIES,
    DECISION,
    ...(givesReason ? [KERNEL_DROP] : []),
  ];
  return {
    title: "trampolines",
    // Since Linux 6.2.
    object: () =>
      kernel.parameterCount("bpf_rdonly_cast") === undefined ? "packets_5.11" : "packets",
    programs: names.map((name) => ({ name })),
    placesPerFunction: 0,
    async attach(object, targets, progress): Promise<Attachment> {
      using btf = vrouterBtf(progress.debug);
      if (btf === null) throw new Failure("attach", "The kernel has no BTF of vrouter");
      using programs = new OwnPrograms(object, progress.debug);
      await attach(programs, targets, { kernel, vrouter, vrouterFd: btf.number }, progress);
      if (programs.count === 0) {
        throw new Failure("attach", "The kernel accepts no trampoline: see --debug");
      }
      if (givesReason) programs.keep(null, attachTracing(object.programFd(KERNEL_DROP)));
      progress.report(targets.length);
      return programs.attached();
    },
  };
}

function programOf({ name, isDoor }: PacketProbe): string {
  if (name === ARRIVES) return ARRIVAL;
  return isDoor ? DOOR : ENTRY;
}

/** Attaches to all targets, and to what else decides. What the kernel refuses is left out. */
async function attach(
  programs: OwnPrograms,
  targets: readonly LifeTarget[],
  types: FunctionTypes,
  progress: AttachProgress,
): Promise<void> {
  const { kernel, vrouter } = types;
  const turns = new Turns(progress);
  const points = decisionPoints(vrouter, false, progress.debug);
  const merged = new Set<DecisionPoint>();
  // Ends before beginnings, so that what is seen to begin is seen to end.
  for (const [index, fn] of [...targets.entries()].toReversed()) {
    const cookie = cookieOf(fn, index);
    const probe = packetProbe(fn);
    if (fn.copies) {
      const result = kernel.parameterCount(fn.name) ?? 0;
      const program = fn.name === LISTING ? COPIES : COPY;
      programs.trampoline(program, fn, "return", cookie | ownBits({ result }), types);
    }
    if (fn.end !== undefined) programs.trampoline(END, fn, "entry", cookie, types);
    if (probe !== undefined) {
      const point = points.find(({ fn, at }) => fn === probe.name && at === "entry");
      if (point !== undefined) merged.add(point);
      const own = ownBits({
        ...point,
        returns: probe.returns && programs.trampoline(RETURN, fn, "return", null, types),
      });
      programs.trampoline(programOf(probe), fn, "entry", cookie | own, types);
    }
    if (await turns.give()) progress.report(targets.length - index);
  }
  for (const point of points) {
    if (merged.has(point)) continue;
    const index = targets.findIndex(({ name, module }) => name === point.fn && module === VROUTER);
    const fn = { name: point.fn, module: VROUTER };
    programs.trampoline(DECISION, fn, point.at, decisionCookie(point, index), types);
    await turns.give();
  }
}
