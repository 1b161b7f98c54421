/**
 * Checks of the BTF of the kernel and of the vrouter module.
 *
 * @module
 */

import { leftOutLines, type LeftOutModule } from "../kernel/left_out.ts";
import { amount } from "../sys/amount.ts";
import type { LayoutAgreement } from "./btf_layouts.ts";
import type { Agreement } from "./btf_match.ts";
import { failed, note, ok, type Outcome } from "./outcome.ts";

/**
 * Share of the functions in BTF that must be in the running code. A module's init functions, a few of
 * some hundreds, are freed after loading; another version of the module lacks more.
 */
const ENOUGH = 0.9;

/**
 * Share of the common structs of two BTFs that may differ: none do within one build, a quarter do between
 * 6.1 and 6.12. This leaves room for unrelated structs of the same name.
 */
const MOST_DIFFERENT = 0.05;
/** Structs that the programs read, or that contain vrouter's data. */
const READ_STRUCTS = ["sk_buff", "net_device", "net", "vr_packet", "vr_interface"];
/** Number of them to list. */
const NAMED = 3;

/** Facts about the kernel's BTF. */
export interface KernelBtfFacts {
  readonly path: string;
  /** Types in it. */
  readonly types: number;
  /** With the running kernel; `null` for the kernel's own BTF, or if it cannot be compared. */
  readonly agreement: Agreement | null;
  /** With the running kernel's own BTF; `null` if that is the one in use, or there is none. */
  readonly layouts: LayoutAgreement | null;
}

/** Checks that the kernel's BTF is that of the running kernel. */
export function checkKernelBtf({ path, types, agreement, layouts }: KernelBtfFacts): Outcome {
  const remedy = "pass the BTF of the running kernel to --kernel-btf, or omit the option";
  const found = `${amount(types)} types in ${path}`;
  if (layouts !== null && !sameBuilds(layouts)) {
    return failed(`${found}; ${difference(layouts)} the running kernel's`, remedy);
  }
  if (agreement === null) return ok(found);
  const compared = `${found}; ${share(agreement)} are in the running kernel`;
  if (suffices(agreement)) return ok(compared);
  return failed(compared, remedy);
}

/**
 * Checks that the BTF of the loaded modules can be used.
 *
 * @param read number of modules whose BTF was read
 */
export function checkModuleBtf(read: number, leftOut: readonly LeftOutModule[]): Outcome {
  if (leftOut.length > 0) {
    return note(
      leftOutLines(leftOut).join("; "),
      "their functions are not traced: boot the kernel they were built for, or install the modules of " +
        "the running kernel",
    );
  }
  return read === 0 ? note("no module has BTF") : ok(`of ${amount(read)} modules`);
}

/** Facts about vrouter's BTF. */
export interface VrouterBtfFacts {
  readonly path: string;
  /** Whether the kernel exports it, so that it must be the loaded module's. */
  readonly own: boolean;
  /** Whether it describes how to find the interface of a packet. */
  readonly describesPackets: boolean;
  /** Whether the file has the build id of the loaded module; `null` if either has none. */
  readonly sameBuild: boolean | null;
  /** With the loaded module; `null` if none is loaded, or it cannot be compared. */
  readonly agreement: Agreement | null;
  /** With the kernel's BTF; `null` for split BTF, which has no structs of the kernel. */
  readonly kernelLayouts: LayoutAgreement | null;
  /** With the BTF that the loaded module has in the kernel; `null` if there is none. */
  readonly moduleLayouts: LayoutAgreement | null;
  /** Functions of the loaded module that it lacks. */
  readonly undescribed: number;
}

const REMAKE = "rebuild it from the loaded module: pahole -J vrouter.ko";

/** Checks that vrouter's BTF describes vrouter, and the loaded build of it. */
export function checkVrouterBtf(facts: VrouterBtfFacts): Outcome {
  const { path, own, describesPackets, sameBuild, agreement, undescribed } = facts;
  const { kernelLayouts, moduleLayouts } = facts;
  if (!describesPackets) {
    return failed(
      `${path}: does not describe vr_packet.vp_if and vr_interface.vif_idx`,
      `pass vrouter's BTF to --vrouter-btf, or ${REMAKE}`,
    );
  }
  if (own) return ok(`${path}, the loaded module's own`);
  if (sameBuild !== null) {
    return sameBuild
      ? ok(`${path}, same build id as the loaded module`)
      : failed(`${path}: build id differs from the loaded module's`, REMAKE);
  }
  if (kernelLayouts !== null && !sameBuilds(kernelLayouts)) {
    return failed(
      `${path}: built for another kernel: ${difference(kernelLayouts)} this kernel's`,
      REMAKE,
    );
  }
  if (moduleLayouts !== null && !sameBuilds(moduleLayouts)) {
    return failed(`${path}: ${difference(moduleLayouts)} the loaded module's`, REMAKE);
  }
  if (agreement === null) return note(`${path}: no loaded module to compare it with`);
  const compared = `${path}: ${share(agreement)} are in the loaded module, which has ` +
    `${amount(undescribed)} more`;
  return suffices(agreement) ? ok(compared) : failed(compared, REMAKE);
}

/**
 * There is no BTF of vrouter.
 *
 * @param reason why the kernel shows none
 * @param ignored why a file was ignored; `null` if there was none
 */
export function checkNoVrouterBtf(reason: string, ignored: string | null): Outcome {
  return failed(
    reason + (ignored === null ? "" : `; ${ignored}`),
    "make a file with pahole -J and pass it to --vrouter-btf",
  );
}

function suffices({ described, running }: Agreement): boolean {
  return running > 0 && running >= described * ENOUGH;
}

/** Whether structs agree as those of one build do. */
function sameBuilds({ compared, different }: LayoutAgreement): boolean {
  return different.length <= compared * MOST_DIFFERENT &&
    !READ_STRUCTS.some((name) => different.includes(name));
}

/** What differs, those that are read first. */
function difference({ compared, different }: LayoutAgreement): string {
  const read = READ_STRUCTS.filter((name) => different.includes(name));
  const names = [...new Set([...read, ...different])];
  const more = names.length > NAMED ? ", …" : "";
  return `${amount(names.length)} of ${amount(compared)} structs ` +
    `(${names.slice(0, NAMED).join(", ")}${more}) differ from`;
}

function share({ described, running }: Agreement): string {
  const percent = described === 0 ? 0 : Math.floor(100 * running / described);
  return `${percent} % of its ${amount(described)} functions`;
}
