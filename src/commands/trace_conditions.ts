/**
 * The conditions of a trace, from its options.
 *
 * @module
 */

import { type Conditions, MAX_VALUES } from "../packet/conditions.ts";
import { Failure } from "../sys/failure.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import { vifsNamed } from "../vrouter/vif_names.ts";

/**
 * Looks up the vifs of conditions.
 *
 * @returns `null` if there are no conditions
 * @throws {Failure} if a vif is unknown, or they are too many
 */
export function resolveConditions(
  options: Conditions<string>,
  vifs: readonly Vif[],
): Conditions | null {
  if (Object.values(options).every((values) => values.length === 0)) return null;
  const vif = [...new Set(options.vif.flatMap((name) => vifsNamed(name, vifs)))];
  if (vif.length > MAX_VALUES) {
    throw new Failure(
      "interfaces",
      `Cannot trace packets of ${vif.length} vifs: --vif can select at most ${MAX_VALUES}`,
    );
  }
  return { ...options, vif };
}
