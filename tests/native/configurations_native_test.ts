import assert from "node:assert/strict";
import { compileFilters } from "../../src/packet/expression.ts";
import type { Conditions } from "../../src/packet/conditions.ts";
import { BPF_TRACE_KPROBE_SESSION } from "../../src/probe/bpf_syscall.ts";
import { Libbpf } from "../../src/probe/libbpf.ts";
import { BpfObject, type ObjectOptions } from "../../src/probe/object.ts";
import { BPF_PROG_TYPE_KPROBE, bpfTest } from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { SMALL } from "../support/loaded_object.ts";

// The kernel verifies a program with the configuration in it: one that is fine with most may be too
// long to verify, or take too much stack, with another.

const test = bpfTest(BPF_PROG_TYPE_KPROBE);
const NETNS = 4026531840;

const PROGRAMS = [
  ["kprobe", [{ name: "vrft_kprobe_entry" }]],
  ["session_6.10", [{ name: "vrft_session", attachType: BPF_TRACE_KPROBE_SESSION }]],
] as const;

const CONDITIONS: readonly (Conditions | null)[] = [
  null,
  { vif: [3], vrf: [1], nh: [2], label: [16], vni: [5] },
];
const FILTERS = [null, "tcp port 80 and host 1.2.3.4 or vlan 5 and udp"];
const SHARED = [null, { rps: 3, gro: [4, 5] }];

/** Each way to trace with each other. */
async function* configurations(): AsyncGenerator<Partial<ObjectOptions>> {
  for (const conditions of CONDITIONS) {
    for (const any of FILTERS) {
      const filter = await compileFilters({ any, outer: null, inner: null });
      for (const shared of SHARED) {
        for (const onlyNetns of [0, NETNS]) {
          const more = { packetEvents: true, drops: true, showPlaces: true, showResults: true };
          yield { conditions, filter, shared, onlyNetns, ...more };
        }
      }
    }
  }
}

for (const [name, programs] of PROGRAMS) {
  test(`the kernel accepts ${programs[0].name} however it is configured`, async () => {
    using libbpf = await Libbpf.open();
    let count = 0;
    for await (const configuration of configurations()) {
      const options = {
        ...SMALL,
        places: name === "kprobe" ? 1 : 0,
        vrouterNetns: NETNS,
        sightNetns: NETNS,
        ...configuration,
      };
      const { filter, ...shown } = configuration;
      const what = JSON.stringify({ ...shown, filter: Boolean(filter) });
      assert.doesNotThrow(
        () => BpfObject.load(libbpf, builtObject(name), programs, options)[Symbol.dispose](),
        what,
      );
      count++;
    }
    assert.equal(count, 16);
  });
}
