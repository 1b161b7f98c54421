import assert from "node:assert/strict";
import { BACKENDS } from "../../src/probe/backend_choice.ts";
import { multi } from "../../src/probe/backends/multi.ts";
import { session } from "../../src/probe/backends/session.ts";
import { Failure } from "../../src/sys/failure.ts";
import { kernelWithSession } from "../support/kernels.ts";

Deno.test("session takes the object whose kfuncs have the parameters that the kernel's have", () => {
  assert.equal(session.object(kernelWithSession(0)), "session_6.10");
  assert.equal(session.object(kernelWithSession(1)), "session");
});

Deno.test("session says what a kernel lacks that knows no sessions", () => {
  assert.throws(
    () => session.object(kernelWithSession(undefined)),
    (error) => error instanceof Failure && /bpf_session_cookie\(\).*6\.10/.test(error.message),
  );
});

Deno.test("multi is refused where fprobe is built on fgraph and leaves the stack pointer out", () => {
  for (
    const [parameters, fprobe] of [[undefined, "rethook"], [0, "rethook"], [1, "fgraph"]] as const
  ) {
    assert.equal(multi.object(kernelWithSession(parameters, fprobe)), "multi");
  }
  assert.throws(
    () => multi.object(kernelWithSession(0, "fgraph")),
    (error) => error instanceof Failure && /use --backend session/.test(error.message),
  );
});

Deno.test("no other backend asks for what a session needs", () => {
  for (const backend of BACKENDS) {
    if (backend === session) continue;
    assert.equal(backend.object(kernelWithSession(undefined)), backend.name);
  }
});
