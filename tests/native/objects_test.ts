import assert from "node:assert/strict";
import { elfSection } from "../../src/kernel/elf.ts";
import type { ObjectName } from "../../src/probe/backend.ts";
import { BACKENDS } from "../../src/probe/backend_choice.ts";
import { withFilter } from "../../src/probe/packet_filter.ts";
import { builtObject } from "../support/built_object.ts";
import { symbolOffsets, symbolSizes, undefinedSymbols } from "../support/elf_symbols.ts";
import { kernelWithSession } from "../support/kernels.ts";

// A single extern that the kernel lacks, or has with another type, fails the whole object.

const SESSION_KFUNCS = ["bpf_rdonly_cast", "bpf_session_cookie", "bpf_session_is_return"];
/** The kfuncs and variables that each object needs, and the maps that only some objects have. */
const NEEDS: Readonly<Record<ObjectName, { externs: string[]; maps: string[] }>> = {
  "trampoline": { externs: SESSION_KFUNCS, maps: ["kept_calls"] },
  "session": { externs: SESSION_KFUNCS, maps: ["kept_calls"] },
  "session_6.10": { externs: SESSION_KFUNCS, maps: ["kept_calls"] },
  "multi": { externs: [], maps: ["kept_calls", "open_calls"] },
  "kprobe": { externs: [], maps: ["kept_calls", "open_frames", "places"] },
  "packets": { externs: ["bpf_rdonly_cast"], maps: [] },
  "packets_5.11": { externs: [], maps: [] },
  "drops": { externs: ["softnet_data"], maps: [] },
  "drops_5.10": { externs: [], maps: [] },
};
const SHARED_MAPS = ["doorbell", "frames", "interfaces", "ring_blocks"];
const NAMES = Object.keys(NEEDS) as ObjectName[];

Deno.test("an object needs what its backend needs, and nothing else", () => {
  const all = new Set([...SHARED_MAPS, ...NAMES.flatMap((name) => NEEDS[name].maps)]);
  for (const name of NAMES) {
    const object = builtObject(name);
    assert.deepEqual(undefinedSymbols(object), NEEDS[name].externs, name);
    const symbols = symbolOffsets(object);
    const maps = [...all].filter((map) => symbols.has(map)).sort();
    assert.deepEqual(maps, [...SHARED_MAPS, ...NEEDS[name].maps].sort(), name);
  }
});

/** Programs of what may be beside a backend: decisions, and the kernel's drops. */
const TRAMPOLINE = ["vrft_decision"];
const KPROBES = ["vrft_decision_entry", "vrft_decision_return", "vrft_kfree_skb"];
const KPROBES_ALONE = ["vrft_kfree_skb_reason", "vrft_sk_skb_reason_drop"];

Deno.test("an object has the programs of its backend and those beside it, and no others", () => {
  for (const parameters of [0, 1] as const) {
    for (const backend of BACKENDS) {
      const name = backend.object(kernelWithSession(parameters, "rethook", true));
      const wanted = [
        ...backend.programs.map(({ name }) => name),
        ...(backend.name === "kprobe" ? KPROBES_ALONE : TRAMPOLINE),
        ...KPROBES,
      ];
      const programs = [...symbolOffsets(builtObject(name)).keys()]
        .filter((symbol) => symbol.startsWith("vrft_"));
      assert.deepEqual(programs.sort(), wanted.sort(), name);
    }
  }
});

Deno.test("no more is loaded of the room for filters than they take", () => {
  const code = new Array(100).fill({ code: 0x95, dst: 0, src: 0, off: 0, imm: 0 });
  for (const name of NAMES) {
    const object = builtObject(name);
    const room = symbolSizes(object);
    if (!room.has("packet_filter_any")) continue;
    assert.ok(room.get("packet_filter_any")! > 4096 * 8, name);
    const filter = { any: code, outer: null, inner: null };
    for (const [chosen, bytes] of [[null, 16], [filter, 800]] as const) {
      const loaded = withFilter(object, chosen);
      const sizes = symbolSizes(loaded);
      assert.equal(sizes.get("packet_filter_any"), bytes, name);
      assert.equal(sizes.get("packet_filter_outer"), 16, name);
      assert.equal(sizes.get("packet_filter_inner"), 16, name);
      assert.deepEqual(symbolOffsets(loaded), symbolOffsets(object), name);
    }
  }
});

Deno.test("what gets no trampoline has a program that can use the maps of those that do", () => {
  const [one, other] = [builtObject("trampoline"), builtObject("session")];
  const [offsets, others] = [symbolOffsets(one), symbolOffsets(other)];
  for (const variable of ["control", "last_drops", "config"]) {
    assert.ok(offsets.has(variable), variable);
    assert.equal(others.get(variable), offsets.get(variable), variable);
  }
  assert.equal(elfSection(other, ".rodata")!.length, elfSection(one, ".rodata")!.length);
  assert.deepEqual(NEEDS.session.maps, NEEDS.trampoline.maps);
});
