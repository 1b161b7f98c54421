import assert from "node:assert/strict";
import { setCookies } from "../../src/probe/cookie_table.ts";
import { cookieOf } from "../../src/probe/layout.ts";
import { Libbpf } from "../../src/probe/libbpf.ts";
import { BpfObject } from "../../src/probe/object.ts";
import { CALL, FRAME, KIND_ENTRY } from "../../src/probe/record.ts";
import { RingReader } from "../../src/probe/ring.ts";
import { RingMapping } from "../../src/probe/ring_mapping.ts";
import { monotonicClock } from "../../src/sys/clock.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest, RecordProgram } from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { SMALL } from "../support/loaded_object.ts";
import { targetsAt, TEXT } from "../support/targets.ts";

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);
const PROGRAM = "vrft_test_cookie";
const RING_BYTES = 1 << 18;

test("the program finds the cookies of all functions in the table", async () => {
  // Anywhere in the kernel's text, without duplicates.
  const targets = targetsAt(
    Array.from({ length: 2000 }, (_, index) => TEXT + 16n * BigInt(index * 7919 % (1 << 20))),
  );
  using libbpf = await Libbpf.open();
  using object = BpfObject.load(libbpf, builtObject(), [{ name: PROGRAM }], {
    ...SMALL,
    ringBytes: RING_BYTES,
  });
  setCookies(object.control, targets);
  const program = new RecordProgram(object.programFd(PROGRAM));
  for (const { address } of targets) program.run(address, KIND_ENTRY, 0n);

  const found: bigint[] = [];
  using ring = new RingMapping(object);
  new RingReader(ring.memory, monotonicClock()).drain({
    record: (words, at) =>
      found.push(BigInt(words[at + CALL]!) | BigInt(words[at + FRAME]!) << 32n),
  }, Infinity);
  assert.deepEqual(found, targets.map(cookieOf));
});
