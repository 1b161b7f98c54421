/**
 * The BPF objects made by scripts/build, embedded in the program. Only the one needed is read.
 *
 * @module
 */

import type { ObjectName } from "./backend.ts";

type Module = Promise<{ default: Uint8Array<ArrayBuffer> }>;

const OBJECTS: Readonly<Record<ObjectName, () => Module>> = {
  "session": () => import("../../build/session.bpf.o", { with: { type: "bytes" } }),
  "session_6.10": () => import("../../build/session_6.10.bpf.o", { with: { type: "bytes" } }),
  "multi": () => import("../../build/multi.bpf.o", { with: { type: "bytes" } }),
  "kprobe": () => import("../../build/kprobe.bpf.o", { with: { type: "bytes" } }),
};

/** Reads an object. */
export async function readObject(name: ObjectName): Promise<Uint8Array<ArrayBuffer>> {
  return (await OBJECTS[name]()).default;
}
