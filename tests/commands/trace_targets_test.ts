import assert from "node:assert/strict";
import type { TraceOptions } from "../../src/cli/invocation.ts";
import { findTargets } from "../../src/commands/trace_targets.ts";
import { Btf } from "../../src/kernel/btf.ts";
import type { KernelSources } from "../../src/kernel/sources.ts";
import type { Log } from "../../src/output/log.ts";
import { Failure } from "../../src/sys/failure.ts";
import { BtfWriter } from "../support/btf_writer.ts";
import { kernelSources } from "../support/kernel_sources.ts";

const LOG = { info: (): void => {}, debug: (): void => {} } as unknown as Log;

/** Linux 7.2, with a function whose packet is in a register, and one whose packet is on the stack. */
function sources(): KernelSources {
  const writer = new BtfWriter();
  const int = writer.int("int", 4);
  const skb = ["skb", writer.pointer(writer.struct("sk_buff", 232))] as const;
  const six = Array.from({ length: 6 }, () => ["", int] as const);
  writer.func("ip_rcv", [skb]);
  writer.func("rt_fill_info", [...six, skb]);
  writer.enum("bpf_attach_type", { BPF_TRACE_FSESSION_MULTI: 61 });
  const encoder = new TextEncoder();
  return kernelSources(Btf.parse(writer.bytes()), {
    kallsyms: encoder.encode("ffffffff81000010 T ip_rcv\nffffffff81000020 t rt_fill_info\n"),
    filterFunctions: encoder.encode("ip_rcv\nrt_fill_info\n"),
  });
}

function namesOf(options: Partial<TraceOptions>): string[] {
  const all = { functions: [], excludes: [], ...options } as unknown as TraceOptions;
  return findTargets(LOG, all, sources()).map(({ name }) => name);
}

Deno.test("findTargets() takes packets on the stack only where trampolines may be used", () => {
  for (const backend of ["auto", "trampoline"] as const) {
    assert.deepEqual(namesOf({ backend }), ["ip_rcv", "rt_fill_info"]);
  }
  for (const backend of ["session", "multi", "kprobe"] as const) {
    assert.deepEqual(namesOf({ backend }), ["ip_rcv"]);
  }
});

Deno.test("findTargets() says why a function that is asked for is not traced", () => {
  const failing = (functions: readonly string[]): string => {
    try {
      namesOf({ backend: "session", functions: [...functions] });
    } catch (error) {
      assert.ok(error instanceof Failure);
      return error.message;
    }
    return "";
  };
  assert.equal(
    failing(["rt_*"]),
    'Cannot trace: no traceable function with a packet matches -f "rt_*" (rt_fill_info: ' +
      "parameter 7 arrives on the stack, which only trampolines reach); see vrft functions",
  );
  assert.equal(
    failing(["none"]),
    'Cannot trace: no traceable function with a packet matches -f "none"; see vrft functions',
  );
});
