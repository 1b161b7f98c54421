import assert from "node:assert/strict";
import { openKprobe, openTracepoint, runOnEvent } from "../../src/probe/bpf_syscall.ts";
import { isFailure } from "../support/failures.ts";

Deno.test("openTracepoint() fails as perf_event_open(2) does, whatever may be done here", () => {
  // No event has this number; without rights the kernel says so first.
  assert.throws(() => openTracepoint(0x7fffffff), (error) => {
    return isFailure("perf_event")(error) && (error as { errno: number }).errno > 0;
  });
});

Deno.test("runOnEvent() fails as any system call does", () => {
  assert.throws(() => runOnEvent(-1, -1), isFailure("system_call"));
});

Deno.test("openKprobe() fails, whether the kernel has no such function or no kprobes", () => {
  assert.throws(() => openKprobe("vrft_no_such_function"), isFailure("perf_event"));
});
