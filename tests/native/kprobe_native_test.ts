import assert from "node:assert/strict";
import { Libbpf } from "../../src/probe/libbpf.ts";
import { BpfObject } from "../../src/probe/object.ts";
import { BPF_PROG_TYPE_KPROBE, bpfTest, verifiedInstructions } from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { SMALL } from "../support/loaded_object.ts";

const test = bpfTest(BPF_PROG_TYPE_KPROBE);

/** Linux 5.10 takes about four times as many as new kernels, and a million at most. */
const MOST = 200_000;

test("the programs at the ends of functions are verified once, not for each register", async () => {
  using libbpf = await Libbpf.open();
  for (const name of ["vrft_kprobe_exit", "vrft_kprobe_return"]) {
    const options = { ...SMALL, places: 1, packetEvents: true, drops: true };
    using object = BpfObject.load(libbpf, builtObject("kprobe"), [{ name }], options);
    const steps = verifiedInstructions(object.programFd(name));
    assert.ok(steps > 0 && steps < MOST, `${name}: ${steps}`);
  }
});
