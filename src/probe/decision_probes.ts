/**
 * Probes for what vrouter looks up and decides, beside those of an ordinary backend: trampolines, or
 * kprobes where there are none. They run for every packet of vrouter, but record those of the trace alone.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { VROUTER } from "../kernel/functions.ts";
import type { Attachment, Companion, Prober } from "./backend.ts";
import { loadKprobe, openKprobe, runOnEvent } from "./bpf_syscall.ts";
import { decisionCookie, type DecisionPoint, decisionPoints } from "./decision_functions.ts";
import { canUseTrampolines, OwnPrograms, vrouterBtf } from "./trampolines.ts";
import { Turns } from "./turns.ts";

const TRAMPOLINE = "vrft_decision";
const ENTRY = "vrft_decision_entry";
const RETURN = "vrft_decision_return";

/** What to probe for decisions. */
export interface DecisionProbeOptions {
  /** The kernel's own BTF. */
  readonly kernel: Btf;
  readonly vrouter: Btf;
  /** Told what is left out. */
  readonly debug: (message: string) => void;
}

/** Whether programs of kprobes alone may run: they do not interrupt one another, on which its ring relies. */
export function usesKprobes(beside: Prober): boolean {
  return beside.programs.some(({ name }) => name.startsWith("vrft_kprobe_"));
}

/** Probes for decisions. */
export function decisionProbes({ kernel, vrouter, debug }: DecisionProbeOptions): Companion {
  const hasTrampolines = canUseTrampolines(debug);
  const usesTrampolines = (beside: Prober): boolean => hasTrampolines && !usesKprobes(beside);
  return {
    programs: (beside) =>
      (usesTrampolines(beside) ? [TRAMPOLINE] : [ENTRY, RETURN]).map((name) => ({ name })),
    async attach(object, beside, targets, progress): Promise<Attachment> {
      const turns = new Turns(progress);
      using programs = new OwnPrograms(object, debug);
      using btf = usesTrampolines(beside) ? vrouterBtf(debug) : null;
      for (const point of decisionPoints(vrouter, true, debug)) {
        const fn = { name: point.fn, module: VROUTER };
        const index = targets.findIndex(({ name, module }) =>
          name === fn.name && module === VROUTER
        );
        const cookie = decisionCookie(point, index);
        if (btf !== null) {
          const types = { kernel, vrouter, vrouterFd: btf.number };
          programs.trampoline(TRAMPOLINE, fn, point.at, cookie, types);
        } else {
          // The return reads what the entry has kept.
          if (point.at === "return") kprobe(programs, point, "return", cookie);
          kprobe(programs, point, "entry", cookie);
        }
        await turns.give();
      }
      return programs.attached();
    },
  };
}

function kprobe(
  programs: OwnPrograms,
  { fn }: DecisionPoint,
  at: "entry" | "return",
  cookie: bigint,
): void {
  programs.add(fn, at === "entry" ? ENTRY : RETURN, cookie, (instructions) => {
    const program = loadKprobe(fn, instructions);
    const event = openKprobe(fn, at);
    programs.keep(program, event);
    runOnEvent(event.number, program.number);
  });
}
