/**
 * The conditions of a trace, from its options.
 *
 * @module
 */

import type { ConditionOptions } from "../cli/invocation.ts";
import type { Conditions } from "../probe/conditions.ts";
import { Failure } from "../sys/failure.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import { vifsNamed } from "../vrouter/vif_names.ts";

/** Most vifs that can be compared with. */
const MAX_VIFS = 16;

/**
 * Looks up the vifs of conditions.
 *
 * @returns `null` if there are no conditions
 * @throws {Failure} if a vif is unknown, or they are too many
 */
export function resolveConditions(
  options: ConditionOptions,
  vifs: readonly Vif[],
): Conditions | null {
  if (Object.values(options).every((values) => values.length === 0)) return null;
  const vif = [...new Set(options.vif.flatMap((name) => vifsNamed(name, vifs)))];
  if (vif.length > MAX_VIFS) {
    throw new Failure(
      "interfaces",
      `Cannot trace packets of ${vif.length} vifs: --vif can select at most ${MAX_VIFS}`,
    );
  }
  return { ...options, vif };
}
