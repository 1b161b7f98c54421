/**
 * Probes for drops alone: kprobes on the two functions with which vrouter drops packets, and the kernel's
 * tracepoint skb:kfree_skb. They run only when a packet is dropped, need no FPROBE, and are attached in
 * milliseconds on all kernels from 5.10 on.
 *
 * What vrouter has looked up for a packet before it drops it is kept by a few trampolines (fentry and
 * fexit). These do run for every packet, but take some 60 to 130 instructions each. They need the BTF of
 * the module in the kernel (Linux 5.11). Without that, only the flow is known, by kprobes. One more runs when
 * the kernel has cut a large packet into segments.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { Failure } from "../sys/failure.ts";
import { SystemError } from "../sys/libc.ts";
import type { Attachment, AttachProgress, ObjectName, Prober, RefusedFunction } from "./backend.ts";
import {
  attachTracing,
  BPF_TRACE_FENTRY,
  BPF_TRACE_FEXIT,
  FileDescriptor,
  knowsVariable,
  loadTrampoline,
  missedByProgram,
  openKprobe,
  runOnEvent,
} from "./bpf_syscall.ts";
import type { BpfObject } from "./object.ts";
import { unlink } from "./backends/multi_link.ts";
import { tracepointGivesReason } from "./kernel_drops.ts";
import { vrouterBtf } from "./trampolines.ts";

const VROUTER = "vrouter";
/** In place of the fd of a module's BTF. */
const VMLINUX = 0;
const KERNEL = "vrft_drop_kernel";
/** What tells a packet that was cut into segments, which vrouter frees like one that is lost. */
const SEGMENTATION: Trampoline = {
  fn: "__skb_gso_segment",
  program: "vrft_segmented",
  parameters: 3,
  at: BPF_TRACE_FEXIT,
};

/** The functions with which vrouter drops packets, and their programs. */
const DROPPING: Readonly<Record<string, string>> = {
  lh_pfree: "vrft_drop_vr_packet",
  lh_pfree_skb: "vrft_drop_sk_buff",
};

/** A trampoline: the program of a function, and the number of parameters that the program relies on. */
interface Trampoline {
  readonly fn: string;
  readonly program: string;
  readonly parameters: number;
  readonly at: typeof BPF_TRACE_FENTRY | typeof BPF_TRACE_FEXIT;
}

/**
 * A route belongs to an earlier packet if the CPU has received one since it was looked up. These packets
 * are not received: those from the host, and those that a flow or the assembler of fragments has held.
 */
const BEGINNINGS: readonly Trampoline[] = [
  { fn: "vhost_dev_xmit", program: "vrft_begin", parameters: 2, at: BPF_TRACE_FENTRY },
  { fn: "vr_flow_flush_pnode", program: "vrft_begin", parameters: 4, at: BPF_TRACE_FENTRY },
];

const FLOWS: readonly Trampoline[] = [
  { fn: "vr_flow_lookup", program: "vrft_flow_lookup", parameters: 4, at: BPF_TRACE_FENTRY },
  { fn: "vr_flow_action", program: "vrft_flow", parameters: 5, at: BPF_TRACE_FENTRY },
];

const ROUTES: readonly Trampoline[] = [
  { fn: "bridge_lookup", program: "vrft_mac", parameters: 2, at: BPF_TRACE_FEXIT },
  { fn: "mtrie_lookup", program: "vrft_prefix", parameters: 2, at: BPF_TRACE_FEXIT },
];

/** What to probe for drops. */
export interface DropProbeOptions {
  /** The kernel's own BTF. */
  readonly kernel: Btf;
  /** That of vrouter; `null` for the kernel's drops alone. */
  readonly vrouter: Btf | null;
  /** Whether flows and routes are to be known, which costs something for every packet. */
  readonly lookups: boolean;
}

/** A way of attaching that sees drops alone. Its targets are its own. */
export function dropProbes(options: DropProbeOptions): Prober {
  const byReason = tracepointGivesReason(options.kernel);
  const lookups = options.vrouter !== null && options.lookups;
  const routes = lookups && byReason && countsPackets(options.kernel);
  const names = [
    ...new Set([
      ...(options.vrouter === null ? [] : [...Object.values(DROPPING), SEGMENTATION.program]),
      KERNEL,
      ...(lookups ? FLOWS : []).map(({ program }) => program),
      ...(routes ? [...BEGINNINGS, ...ROUTES] : []).map(({ program }) => program),
    ]),
  ];
  const object: ObjectName = byReason ? "drops" : "drops_5.10";
  return {
    title: byReason ? "kprobes and the tracepoint skb:kfree_skb" : "kprobes",
    object: () => object,
    programs: names.map((name) => ({ name })),
    placesPerFunction: 0,
    // deno-lint-ignore require-await -- backends have to wait
    async attach(object, _targets, progress): Promise<Attachment> {
      using probes = new Probes(object, progress);
      if (byReason) probes.tracepoint();
      else probes.kprobe("kfree_skb", KERNEL, true);
      if (options.vrouter !== null) {
        for (const [fn, program] of Object.entries(DROPPING)) probes.kprobe(fn, program, false);
        probes.requireOne();
        probes.segmentation(options.kernel);
      }
      if (lookups) probes.lookups(options.vrouter!, { trampolines: byReason, routes });
      return probes.attached(names);
    },
  };
}

/** Whether programs can read how many packets a CPU has received: not without CONFIG_KALLSYMS_ALL. */
function countsPackets(kernel: Btf): boolean {
  const id = kernel.variableId("softnet_data");
  return id !== undefined && knowsVariable(id);
}

/** Probes that are being attached; disposed unless they are taken by {@linkcode Probes.attached}. */
class Probes implements Disposable {
  readonly #object: BpfObject;
  readonly #progress: AttachProgress;
  #links: FileDescriptor[] = [];
  readonly #refused: RefusedFunction[] = [];
  #dropping = 0;

  constructor(object: BpfObject, progress: AttachProgress) {
    this.#object = object;
    this.#progress = progress;
  }

  tracepoint(): void {
    this.#links.push(attachTracing(this.#object.programFd(KERNEL)));
  }

  /** @param needed whether nothing is to be attached without it */
  kprobe(fn: string, program: string, needed: boolean): void {
    try {
      const probe = openKprobe(fn);
      this.#links.push(probe);
      runOnEvent(probe.number, this.#object.programFd(program));
      this.#dropping++;
    } catch (error) {
      if (needed || !(error instanceof SystemError)) throw error;
      this.#refuse(fn, error);
    }
  }

  /** @throws {Failure} if none of vrouter's functions can be probed */
  requireOne(): void {
    const [first] = this.#refused;
    if (this.#dropping > 0 || first === undefined) return;
    throw new Failure("attach", `Cannot see vrouter's drops: ${first.name}: ${first.reason}`, {
      cause: first.cause,
    });
  }

  /** It is not needed: without it, packets of GSO may seem to be lost. */
  segmentation(kernel: Btf): void {
    if (has(kernel, SEGMENTATION)) this.#trampoline(SEGMENTATION, VMLINUX, kernel);
  }

  /** Those that tell flow and route; none is needed. */
  lookups(vrouter: Btf, { trampolines, routes }: { trampolines: boolean; routes: boolean }): void {
    const { debug } = this.#progress;
    const unknown = "the routes of dropped packets are not known";
    using btf = trampolines ? vrouterBtf(debug) : null;
    if (btf === null) {
      debug(`Without the kernel's BTF of vrouter, ${unknown}`);
      // Only that object has the program for it.
      if (trampolines) return;
      for (const flow of FLOWS.filter((one) => has(vrouter, one))) {
        this.kprobe(flow.fn, flow.program, false);
      }
      return;
    }
    const attach = (all: readonly Trampoline[]): boolean =>
      all.filter((one) => has(vrouter, one))
        .map((one) => this.#trampoline(one, btf.number, vrouter)).every((attached) => attached);
    attach(FLOWS);
    if (!routes) {
      debug(`The kernel does not tell programs how many packets a CPU has received: ${unknown}`);
      return;
    }
    // Without these, what is known could be of an earlier packet.
    if (attach(BEGINNINGS)) attach(ROUTES);
  }

  /** @param btf fd of the BTF that has the function, {@linkcode VMLINUX} for the kernel's own */
  #trampoline({ fn, program, at }: Trampoline, btf: number, types: Btf): boolean {
    try {
      const id = types.functionId(fn)!;
      const instructions = this.#object.instructions(program);
      using loaded = loadTrampoline(program, instructions, at, { btf, id });
      this.#links.push(attachTracing(loaded.number));
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#refuse(fn, error);
      return false;
    }
  }

  #refuse(name: string, cause: SystemError): void {
    const reason = `refused by the kernel: ${cause.message}`;
    this.#refused.push({ name, module: VROUTER, reason, cause });
  }

  /** Hands out the probes. */
  attached(programs: readonly string[]): Attachment {
    const [links, object] = [this.#links, this.#object];
    this.#links = [];
    this.#progress.report(links.length);
    return {
      refused: this.#refused,
      missed: () =>
        programs.reduce((sum, program) => sum + missedByProgram(object.programFd(program)), 0),
      removed: () => 0,
      [Symbol.dispose]: () => unlink(links),
    };
  }

  [Symbol.dispose](): void {
    unlink(this.#links);
  }
}

/** Whether there is the function as it is expected. */
function has(types: Btf, { fn, parameters }: Trampoline): boolean {
  const id = types.functionId(fn);
  return id !== undefined && types.count(types.target(id)) === parameters;
}
