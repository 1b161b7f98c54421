/**
 * The kernel's own reasons for dropping packets, by the numbers of its BTF.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import type { DropReason } from "./drop.ts";

/** Of the names of all reasons of the kernel's core. */
export const CORE_PREFIX = "SKB_DROP_REASON_";
/** Any name of the enum. */
const NAME = `${CORE_PREFIX}NOT_SPECIFIED`;
const SUBSYSTEM_PREFIX = `${CORE_PREFIX}SUBSYS_`;
/** The upper 16 bits of a reason are the subsystem that it is of: Linux 6.4. 0 is the core. */
const SUBSYSTEM_SHIFT = 16;

/** Of kernels without reasons. */
const NO_REASON: DropReason = { number: -1, name: "-1", label: "", class: "lost" };

/** Reasons for which somebody has configured that such packets are dropped. */
const POLICY: ReadonlySet<string> = new Set([
  "NETFILTER_DROP",
  "SOCKET_FILTER",
  "BPF_CGROUP_EGRESS",
  "TC_INGRESS",
  "TC_EGRESS",
  "XDP",
  "XFRM_POLICY",
  "TAP_FILTER",
  "OVS_DROP_LAST_ACTION",
  "OVS_DROP_EXPLICIT",
]);

/** Where the reasons of a subsystem are, by its name in `enum skb_drop_reason_subsys`. */
const SUBSYSTEMS: ReadonlyMap<string, { module: string; enumeration: string; member: string }> =
  new Map([
    ["OPENVSWITCH", {
      module: "openvswitch",
      enumeration: "ovs_drop_reason",
      member: "OVS_DROP_LAST_ACTION",
    }],
    ["MAC80211_UNUSABLE", {
      module: "mac80211",
      enumeration: "mac80211_drop_reason",
      member: "RX_CONTINUE",
    }],
  ]);

/** The name of which module has the reasons of each subsystem, and any of them. */
export function reasonsOfModules(): readonly {
  readonly module: string;
  readonly member: string;
}[] {
  return [...SUBSYSTEMS.values()];
}

/** Any name of each of the kernel's own enums. */
export const KERNEL_ENUMS: readonly string[] = [NAME, `${SUBSYSTEM_PREFIX}CORE`];

type Names = ReadonlyMap<number, string>;

/** Names of `enum skb_drop_reason` by number; none before Linux 5.17. */
export function coreReasons(kernel: Pick<Btf, "enumNames">): Names {
  return kernel.enumNames(NAME, "skb_drop_reason") ?? new Map();
}

/** The number of a reason of the kernel's core that a user names, with or without its prefix. */
export function coreReasonNamed(names: Names, word: string): number | undefined {
  const name = CORE_PREFIX + word.toUpperCase().replaceAll(/[- ]/g, "_").replace(CORE_PREFIX, "");
  return [...names].find(([, known]) => known === name)?.[0];
}

/** The words of this kernel. Its BTF is read at the first drop, as most are vrouter's. */
export class KernelReasons {
  readonly #kernel: Pick<Btf, "enumNames">;
  readonly #moduleBtf: (module: string) => Pick<Btf, "enumNames"> | null;
  #core: Names | undefined;
  #subsystems: Names | undefined;
  readonly #ofSubsystem = new Map<number, Names>();

  /** @param moduleBtf the kernel's BTF of a module; `null` if there is none */
  constructor(
    kernel: Pick<Btf, "enumNames">,
    moduleBtf: (module: string) => Pick<Btf, "enumNames"> | null,
  ) {
    this.#kernel = kernel;
    this.#moduleBtf = moduleBtf;
  }

  /** @param number -1 of a kernel without reasons */
  reason(number: number): DropReason {
    if (number === -1) return NO_REASON;
    const subsystem = number >>> SUBSYSTEM_SHIFT;
    return subsystem === 0 ? this.#coreReason(number) : this.#reasonOf(subsystem, number);
  }

  #coreReason(number: number): DropReason {
    this.#core ??= coreReasons(this.#kernel);
    const name = this.#core.get(number) ?? String(number);
    return reasonOf(
      number,
      name,
      name.startsWith(CORE_PREFIX) ? name.slice(CORE_PREFIX.length) : name,
    );
  }

  #reasonOf(subsystem: number, number: number): DropReason {
    this.#subsystems ??= this.#kernel.enumNames(
      `${SUBSYSTEM_PREFIX}CORE`,
      "skb_drop_reason_subsys",
    ) ?? new Map();
    const named = this.#subsystems.get(subsystem)?.replace(SUBSYSTEM_PREFIX, "");
    let names = this.#ofSubsystem.get(subsystem);
    if (names === undefined) {
      names = this.#namesOf(named);
      this.#ofSubsystem.set(subsystem, names);
    }
    const rest = number & ((1 << SUBSYSTEM_SHIFT) - 1);
    const name = names.get(number) ?? `${named ?? `subsystem ${subsystem}`} ${rest}`;
    return reasonOf(number, name, name);
  }

  #namesOf(subsystem: string | undefined): Names {
    const known = SUBSYSTEMS.get(subsystem ?? "");
    if (known === undefined) return new Map();
    const { module, enumeration, member } = known;
    // The kernel's, if the module is built into it.
    const btf = this.#moduleBtf(module) ?? this.#kernel;
    return btf.enumNames(member, enumeration) ?? new Map();
  }
}

function reasonOf(number: number, name: string, label: string): DropReason {
  return { number, name, label, class: POLICY.has(label) ? "policy" : "lost" };
}
