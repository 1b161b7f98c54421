/**
 * The stages of a packet's way through vrouter: docs/packets.md has their bounds.
 *
 * @module
 */

/** In the order in which most packets go through them. */
export const STAGES = [
  "rx",
  "rps-queue",
  "gro",
  "flow",
  "hold",
  "nexthop",
  "encap",
  "tx",
  "qdisc",
] as const;

/** One of {@linkcode STAGES}. */
export type StageName = typeof STAGES[number];

/** Stages in which a packet waits, and nobody works on it. */
export const WAITS: ReadonlySet<StageName> = new Set(["rps-queue", "hold", "qdisc"]);
