/**
 * The words for what records of drops have as numbers: from the BTF of the kernel and of vrouter, as the
 * numbers differ between their versions.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { dropCause } from "../vrouter/drop_causes.ts";
import { DropReasons } from "../vrouter/drop_reasons.ts";
import { flowAction } from "../vrouter/flow_words.ts";
import { nexthopType } from "../vrouter/nexthop_words.ts";
import type { Drop, DropReason } from "./drop.ts";
import type { DropWords } from "./drops.ts";

const KERNEL_PREFIX = "SKB_DROP_REASON_";
/** Any name of each of the enums. */
const [KERNEL_NAME, VROUTER_NAME, NEXTHOP_NAME] = [
  `${KERNEL_PREFIX}NOT_SPECIFIED`,
  "VP_DROP_DISCARD",
  "NH_DISCARD",
];
/** Of kernels without reasons. */
const NO_REASON: DropReason = { number: -1, name: "-1", label: "", class: "lost" };

/** Reasons of the kernel for which somebody has configured that such packets are dropped. */
const POLICY: ReadonlySet<string> = new Set([
  "NETFILTER_DROP",
  "SOCKET_FILTER",
  "BPF_CGROUP_EGRESS",
  "TC_INGRESS",
  "TC_EGRESS",
  "XDP",
  "XFRM_POLICY",
  "TAP_FILTER",
]);

/** The reasons of the loaded module, by the numbers of its BTF; without BTF there are none. */
export function dropReasons(vrouter: Btf | null): DropReasons {
  return new DropReasons(vrouter?.enumNames(VROUTER_NAME) ?? new Map());
}

/**
 * The words of this kernel and module.
 *
 * @throws {BtfError} if the BTF is damaged
 */
export function dropWords(kernel: Btf, vrouter: Btf | null): DropWords {
  const reasons = dropReasons(vrouter);
  const nexthops = vrouter?.enumNames(NEXTHOP_NAME) ?? new Map<number, string>();
  // Reading it takes some time, and most drops are vrouter's.
  let names: ReadonlyMap<number, string> | undefined;
  return {
    vrouterReason(number): DropReason {
      const { name, label, class: kind } = reasons.reason(number);
      return { number, name, label, class: kind };
    },
    kernelReason(number): DropReason {
      if (number < 0) return NO_REASON;
      names ??= kernel.enumNames(KERNEL_NAME, "skb_drop_reason") ?? new Map();
      const name = names.get(number) ?? String(number);
      const label = name.startsWith(KERNEL_PREFIX) ? name.slice(KERNEL_PREFIX.length) : name;
      return { number, name, label, class: POLICY.has(label) ? "policy" : "lost" };
    },
    cause: (reason, evidence) => dropCause(reason, evidence),
    flowAction,
    nexthopType: (type) => nexthopType(type, nexthops),
  };
}

/**
 * Reasons that a user means, of vrouter or of the kernel.
 *
 * @returns whether a drop has one of them
 * @throws {Failure} `usage` for a word that means none
 */
export function reasonFilter(
  words: readonly string[],
  kernel: Pick<Btf, "enumNames">,
  reasons: DropReasons,
): (drop: Pick<Drop, "source" | "reason">) => boolean {
  const names = kernel.enumNames(KERNEL_NAME, "skb_drop_reason") ?? new Map<number, string>();
  const byName = new Map([...names].map(([number, name]) => [name, number]));
  const labels = [...byName.keys()].map((name) => name.replace(KERNEL_PREFIX, ""));
  const kernels = new Set<number>();
  const vrouters = new Set<number>();
  for (const word of words) {
    const name = word.toUpperCase().replaceAll(/[- ]/g, "_").replace(KERNEL_PREFIX, "");
    const ofKernel = byName.get(KERNEL_PREFIX + name);
    if (ofKernel !== undefined) kernels.add(ofKernel);
    // Both may have it; a word that neither has is an error.
    if (ofKernel === undefined || reasons.named(word) !== undefined) {
      for (const number of reasons.parse([word], labels)) vrouters.add(number);
    }
  }
  return ({ source, reason: { number } }) => (source === "kernel" ? kernels : vrouters).has(number);
}
