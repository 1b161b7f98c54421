import assert from "node:assert/strict";
import { BACKENDS, letGoMs } from "../../src/probe/backend_choice.ts";
import { multi } from "../../src/probe/backends/multi.ts";
import { session } from "../../src/probe/backends/session.ts";
import { trampoline } from "../../src/probe/backends/trampoline.ts";
import { Failure } from "../../src/sys/failure.ts";
import { kernelWithSession } from "../support/kernels.ts";

Deno.test("trampoline says what a kernel lacks that attaches each by itself", () => {
  assert.equal(trampoline.object(kernelWithSession(1, "fgraph", true)), "trampoline");
  assert.throws(
    () => trampoline.object(kernelWithSession(1)),
    (error) => error instanceof Failure && /FSESSION_MULTI.*7\.2/.test(error.message),
  );
});

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

Deno.test("multi says what a kernel lacks that has no fprobe, before anything is loaded", () => {
  assert.throws(
    () => multi.object(kernelWithSession(undefined)),
    (error) => error instanceof Failure && /no fprobe.*5\.18/.test(error.message),
  );
});

Deno.test("no other backend asks for what a session needs", () => {
  for (const backend of BACKENDS) {
    if (backend === session || backend === trampoline) continue;
    assert.equal(backend.object(kernelWithSession(undefined, "rethook")), backend.name);
  }
});

Deno.test("letGoMs() lets a fixed part be, and multiplies what each function takes", () => {
  assert.equal(letGoMs([3, 10], [35, 42], 1035), 42 + 1000);
  // The first time may be the slower one.
  assert.equal(letGoMs([3, 50], [35, 20], 1900), 20);
  assert.equal(letGoMs([3, 10], [3, 10], 3), 10);
});
