/**
 * The BPF objects made by scripts/build, embedded in the program. Only the one needed is read.
 *
 * @module
 */

import type { ObjectName } from "./backend.ts";

type Module = Promise<{ default: Uint8Array<ArrayBuffer> }>;

// Each in a file of its own, which imports it statically: the bundler makes an ES namespace of what
// import() names, with a property for every byte, which takes most of a second in an emulated guest.
const OBJECTS: Readonly<Record<ObjectName, () => Module>> = {
  "trampoline": () => import("./objects/trampoline.ts"),
  "session": () => import("./objects/session.ts"),
  "session_6.10": () => import("./objects/session_6_10.ts"),
  "multi": () => import("./objects/multi.ts"),
  "kprobe": () => import("./objects/kprobe.ts"),
  "packets": () => import("./objects/packets.ts"),
  "packets_5.11": () => import("./objects/packets_5_11.ts"),
  "drops": () => import("./objects/drops.ts"),
  "drops_5.10": () => import("./objects/drops_5_10.ts"),
};

/** Reads an object. */
export async function readObject(name: ObjectName): Promise<Uint8Array<ArrayBuffer>> {
  return (await OBJECTS[name]()).default;
}
