import assert from "node:assert/strict";
import { withAdvice } from "../../src/commands/advice.ts";
import { Failure } from "../../src/sys/failure.ts";
import { SystemError } from "../../src/sys/libc.ts";

const ENOMEM = 12;
const EPERM = 1;
const MIB = 2 ** 20;
const ROOT = "CapEff:\t000001ffffffffff\nSeccomp:\t0\n";
const FILTERED = "CapEff:\t000001ffffffffff\nSeccomp:\t2\n";
/** CAP_NET_ADMIN, CAP_SYSLOG, CAP_PERFMON and CAP_BPF. */
const FEW = "CapEff:\t000000c400001000\nSeccomp:\t0\n";

function adviceFor(error: unknown, status: string): unknown {
  return withAdvice(error, MIB, status);
}

/** As `chooseBackend()` makes it. */
function refusal(reason: string, details = ""): Failure {
  return new Failure(`Cannot trace with any backend on this kernel: ${reason}`, { details });
}

Deno.test("withAdvice() leads from a lack of memory to the ring buffer's option", () => {
  const map = new SystemError("Cannot map 2101248 bytes of the ring buffer", ENOMEM);
  for (const error of [map, new Failure("Cannot trace with any backend", { cause: map })]) {
    const advised = adviceFor(error, ROOT);
    assert.ok(advised instanceof Failure);
    assert.match(advised.message, /no memory for a ring buffer of 1024 KiB; choose .* --buffer/);
    assert.equal(advised.cause, error);
  }
});

Deno.test("withAdvice() names the filter of system calls, where there is one", () => {
  for (const reason of ["Operation not permitted", "Function not implemented"]) {
    const error = refusal(`session: Cannot load the BPF object: ${reason}`);
    const advised = adviceFor(error, FILTERED);
    assert.ok(advised instanceof Failure);
    assert.ok(advised.message.startsWith(`${error.message}; system calls are filtered here`));
    assert.equal(adviceFor(error, ROOT), error);
  }
  const bare = new SystemError("Cannot open the kprobe event", EPERM);
  assert.match((adviceFor(bare, FILTERED) as Error).message, /seccomp/);
  const other = refusal("session: Cannot load the BPF object: Invalid argument");
  assert.equal(adviceFor(other, FILTERED), other);
});

Deno.test("withAdvice() asks for CAP_SYS_ADMIN where a kernel wants it besides the others", () => {
  const refusals = [
    refusal("kprobe: Cannot open the kprobe event: Permission denied"),
    refusal(
      "kprobe: Cannot load the BPF object: Operation not permitted",
      "libbpf: failed to iterate BTF objects: -1\nlibbpf: failed to load object 'vrft'\n",
    ),
  ];
  for (const error of refusals) {
    const advised = adviceFor(error, FEW);
    assert.ok(advised instanceof Failure);
    assert.match(advised.message, /; this kernel wants CAP_SYS_ADMIN besides: run vrft as root$/);
    assert.equal(advised.details, error.details);
    assert.equal(adviceFor(error, ROOT), error);
  }
});

Deno.test("withAdvice() leaves alone what it knows nothing about", () => {
  for (const error of [new Error("a defect"), "text", undefined, refusal("Invalid argument")]) {
    assert.equal(adviceFor(error, FEW), error);
  }
});
