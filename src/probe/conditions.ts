/**
 * Sets the conditions that the programs check: see bpf/conditions.h.
 *
 * @module
 */

import { CONDITIONS, type Conditions, MAX_VALUES } from "../packet/conditions.ts";
import { CONFIG_CONDITIONS, CONFIG_WANTED, NUMBERS_BYTES } from "./layout.ts";

/** Writes the conditions into the configuration. */
export function setConditions(config: DataView, conditions: Conditions): void {
  let kinds = 0;
  CONDITIONS.forEach((kind, bit) => {
    const numbers = conditions[kind].slice(0, MAX_VALUES);
    if (numbers.length > 0) kinds |= 1 << bit;
    const at = CONFIG_WANTED + bit * NUMBERS_BYTES;
    config.setUint32(at, numbers.length, true);
    numbers.forEach((number, index) => config.setUint32(at + 4 + 4 * index, number, true));
  });
  config.setUint32(CONFIG_CONDITIONS, kinds, true);
}
