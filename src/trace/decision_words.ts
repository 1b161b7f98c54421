/**
 * The words for what records of decisions have as numbers: from the BTF of vrouter where it has them, as
 * the numbers differ between its versions.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { flowAction } from "../vrouter/flow_words.ts";
import { nexthopFlags, nexthopType } from "../vrouter/nexthop_words.ts";
import { trapReason } from "../vrouter/trap_words.ts";
import type { DecisionWords } from "./decisions.ts";

/**
 * The words of this module.
 *
 * @throws {BtfError} if the BTF is damaged
 */
export function decisionWords(vrouter: Pick<Btf, "enumNames">): DecisionWords {
  const types = vrouter.enumNames("NH_DISCARD") ?? new Map<number, string>();
  const results = vrouter.enumNames("FLOW_FORWARD") ?? new Map<number, string>();
  return {
    nexthopType: (type) => nexthopType(type, types),
    // Valid is each that packets get to.
    nexthopFlags: (type, flags) => nexthopFlags({ type, flags }).filter((flag) => flag !== "Valid"),
    flowAction,
    flowResult: (result) => results.get(result) ?? String(result),
    trapReason,
  };
}
