/**
 * Enums of the vrouter module by number, as its BTF has them.
 *
 * @module
 */

import { KNOWN_REASONS } from "../../src/vrouter/known_drop_reasons.ts";

/** drop_rsn_map_t of the release that the tables are from. */
export const DROP_REASONS: ReadonlyMap<number, string> = new Map(
  ["VP_DROP_INVALID", ...KNOWN_REASONS.map(({ name }) => name), "VP_DROP_MAX"]
    .map((name, number) => [number, name]),
);

/** That of R2011, which starts at another number and lacks two. */
export const OLDER_DROP_REASONS: ReadonlyMap<number, string> = new Map(
  [...DROP_REASONS.values()]
    .filter((name) => !/^VP_DROP_INVALID(_HBS_PKT|_UNDERLAY_ECMP)?$/.test(name))
    .map((name, number) => [number, name]),
);
