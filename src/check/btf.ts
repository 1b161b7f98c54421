/**
 * Checks of the BTF of the kernel and of the vrouter module.
 *
 * @module
 */

import { amount } from "../sys/amount.ts";
import type { Agreement } from "./btf_match.ts";
import { failed, note, ok, type Outcome } from "./outcome.ts";

/**
 * How much of what BTF describes must run. Functions that a module needs only while it is loaded are
 * gone afterwards, which is a few of some hundreds; another version of it lacks more.
 */
const ENOUGH = 0.9;

/** What is known of the kernel's BTF. */
export interface KernelBtfFacts {
  readonly path: string;
  /** Types in it. */
  readonly types: number;
  /** With the running kernel; `null` for the kernel's own BTF, and where that cannot be compared. */
  readonly agreement: Agreement | null;
}

/** Checks that the kernel's BTF is that of the running kernel. */
export function checkKernelBtf({ path, types, agreement }: KernelBtfFacts): Outcome {
  const found = `${amount(types)} types in ${path}`;
  if (agreement === null) return ok(found);
  const compared = `${found}; ${share(agreement)} are in the running kernel`;
  if (suffices(agreement)) return ok(compared);
  return failed(compared, "name the BTF of this very kernel with --kernel-btf, or leave it out");
}

/** What is known of vrouter's BTF. */
export interface VrouterBtfFacts {
  readonly path: string;
  /** Whether the kernel shows it, so that it is the loaded module's by nature. */
  readonly own: boolean;
  /** Whether it has what finds the interface of a packet. */
  readonly describesPackets: boolean;
  /** Whether the file's build id is that of the loaded module; `null` where one of them has none. */
  readonly sameBuild: boolean | null;
  /** With the loaded module; `null` when none is loaded, and where that cannot be compared. */
  readonly agreement: Agreement | null;
  /** Functions of the loaded module that are not in it. */
  readonly undescribed: number;
}

const REMAKE = "make it anew from the module that is loaded: pahole -J vrouter.ko";

/** Checks that vrouter's BTF is vrouter's, and of the module that is loaded. */
export function checkVrouterBtf(facts: VrouterBtfFacts): Outcome {
  const { path, own, describesPackets, sameBuild, agreement, undescribed } = facts;
  if (!describesPackets) {
    return failed(
      `${path}: it does not describe vr_packet.vp_if and vr_interface.vif_idx`,
      `name vrouter's with --vrouter-btf, or ${REMAKE}`,
    );
  }
  if (own) return ok(`${path}, the loaded module's own`);
  if (sameBuild !== null) {
    return sameBuild
      ? ok(`${path}, whose build id is that of the loaded module`)
      : failed(`${path}: its build id is not that of the loaded module`, REMAKE);
  }
  if (agreement === null) return note(`${path}: there is no loaded module to compare it with`);
  const compared = `${path}: ${share(agreement)} are in the loaded module, which has ` +
    `${amount(undescribed)} others`;
  return suffices(agreement) ? ok(compared) : failed(compared, REMAKE);
}

/** There is no BTF of vrouter. @param ignored why what is there was not taken; `null` for nothing */
export function checkNoVrouterBtf(ignored: string | null): Outcome {
  return failed(
    "this kernel offers none" + (ignored === null ? "" : `; ${ignored}`),
    "make a file of it (pahole -J) and name that with --vrouter-btf",
  );
}

function suffices({ described, running }: Agreement): boolean {
  return running > 0 && running >= described * ENOUGH;
}

function share({ described, running }: Agreement): string {
  const percent = described === 0 ? 0 : Math.floor(100 * running / described);
  return `${percent} % of its ${amount(described)} functions`;
}
