import assert from "node:assert/strict";
import { kprobe } from "../../src/probe/backends/kprobe_events.ts";
import { multi } from "../../src/probe/backends/multi.ts";
import { Libbpf, LibbpfError } from "../../src/probe/libbpf.ts";
import { BpfObject } from "../../src/probe/object.ts";
import { BPF_PROG_TYPE_KPROBE, bpfTest } from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { SMALL } from "../support/loaded_object.ts";

const test = bpfTest(BPF_PROG_TYPE_KPROBE);

// Not of the session: its kfuncs are there for kernels that can attach it, which the guests are.
for (const backend of [multi, kprobe]) {
  test(`the verifier accepts the programs of the backend ${backend.name} for a sampled trace`, async () => {
    using libbpf = await Libbpf.open();
    const options = { ...SMALL, vpIfOffset: 8, vifIdxOffset: 16, sample: 2 ** 32 - 1 };
    try {
      using object = BpfObject.load(libbpf, builtObject(), backend.programs, options);
      for (const { name } of backend.programs) assert.ok(object.programFd(name) > 0, name);
    } catch (error) {
      if (error instanceof LibbpfError) console.log(error.details);
      throw error;
    }
  });
}
