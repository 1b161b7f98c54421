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
import { CORE_PREFIX, coreReasonNamed, coreReasons, KernelReasons } from "./kernel_reasons.ts";

/** Where names of numbers come from: BTF, or a recording. */
type EnumSource = Pick<Btf, "enumNames">;

/** Any name of each of the enums. */
const [VROUTER_NAME, NEXTHOP_NAME] = ["VP_DROP_DISCARD", "NH_DISCARD"];

/** The reasons of the loaded module, by the numbers of its BTF; without BTF there are none. */
export function dropReasons(vrouter: EnumSource | null): DropReasons {
  return new DropReasons(vrouter?.enumNames(VROUTER_NAME) ?? new Map());
}

/**
 * The words of this kernel and module.
 *
 * @param moduleBtf the kernel's BTF of another module, read when it is needed; `null` if there is none
 * @throws {BtfError} if the BTF is damaged
 */
export function dropWords(
  kernel: EnumSource,
  vrouter: EnumSource | null,
  moduleBtf: (module: string) => EnumSource | null,
): DropWords {
  const reasons = dropReasons(vrouter);
  const kernels = new KernelReasons(kernel, moduleBtf);
  const nexthops = vrouter?.enumNames(NEXTHOP_NAME) ?? new Map<number, string>();
  return {
    vrouterReason(number): DropReason {
      const { name, label, class: kind } = reasons.reason(number);
      return { number, name, label, class: kind };
    },
    kernelReason: (number) => kernels.reason(number),
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
  kernel: EnumSource,
  reasons: DropReasons,
): (drop: Pick<Drop, "source" | "reason">) => boolean {
  const names = coreReasons(kernel);
  const labels = [...names.values()].map((name) => name.replace(CORE_PREFIX, ""));
  const kernels = new Set<number>();
  const vrouters = new Set<number>();
  for (const word of words) {
    const ofKernel = coreReasonNamed(names, word);
    if (ofKernel !== undefined) kernels.add(ofKernel);
    // Both may have it; a word that neither has is an error.
    if (ofKernel === undefined || reasons.named(word) !== undefined) {
      for (const number of reasons.parse([word], labels)) vrouters.add(number);
    }
  }
  return ({ source, reason: { number } }) => (source === "kernel" ? kernels : vrouters).has(number);
}
