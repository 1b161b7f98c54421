import assert from "node:assert/strict";
import { withAdvice } from "../../src/commands/advice.ts";
import { Failure } from "../../src/sys/failure.ts";
import { SystemError } from "../../src/sys/libc.ts";

const EPERM = 1;
const ENOMEM = 12;
const EACCES = 13;
const EINVAL = 22;
const ENOSYS = 38;
const MIB = 2 ** 20;
const ROOT = "CapEff:\t000001ffffffffff\nSeccomp:\t0\n";
const FILTERED = "CapEff:\t000001ffffffffff\nSeccomp:\t2\n";
/** CAP_NET_ADMIN, CAP_SYSLOG, CAP_PERFMON and CAP_BPF. */
const FEW = "CapEff:\t000000c400001000\nSeccomp:\t0\n";

function adviceFor(error: unknown, status: string): unknown {
  return withAdvice(error, MIB, status);
}

/** As `chooseBackend()` makes it of why each backend does not work; words must not matter. */
function refusal(...failures: Failure[]): Failure {
  return new Failure("backend", "words", {
    cause: new AggregateError(failures),
    details: "lines\n",
  });
}

Deno.test("withAdvice() leads from a lack of memory to the ring buffer's option", () => {
  const map = new SystemError("words", ENOMEM);
  const load = new Failure("libbpf", "words", { errno: ENOMEM });
  for (const error of [map, load, refusal(new SystemError("words", EINVAL), load)]) {
    const advised = adviceFor(error, ROOT);
    assert.ok(advised instanceof Failure);
    assert.equal(advised.kind, "memory");
    assert.match(advised.message, /no memory for ring buffers of 1024 KiB; use .*--buffer/);
    assert.equal(advised.cause, error);
  }
});

Deno.test("withAdvice() names the filter of system calls, where there is one", () => {
  for (const errno of [EPERM, ENOSYS]) {
    const load = new Failure("libbpf", "words", { errno });
    for (const error of [load, refusal(load), refusal(new SystemError("words", EINVAL), load)]) {
      const advised = adviceFor(error, FILTERED);
      assert.ok(advised instanceof Failure);
      assert.ok(advised.message.startsWith(`${error.message}; system calls are filtered`));
      assert.deepEqual([advised.kind, advised.details], [error.kind, error.details]);
      assert.equal(adviceFor(error, ROOT), error);
    }
  }
  const other = refusal(new Failure("libbpf", "Operation not permitted", { errno: EINVAL }));
  assert.equal(adviceFor(other, FILTERED), other);
});

Deno.test("withAdvice() asks for CAP_SYS_ADMIN where a kernel wants it besides the others", () => {
  const refusals = [
    refusal(new SystemError("words", EACCES, "perf_event")),
    refusal(new Failure("btf_list", "words", { errno: EPERM })),
    refusal(
      new Failure("attach", "words"),
      new Failure("btf_list", "words", { errno: EPERM }),
    ),
  ];
  for (const error of refusals) {
    const advised = adviceFor(error, FEW);
    assert.ok(advised instanceof Failure);
    assert.match(advised.message, /; this kernel also requires CAP_SYS_ADMIN: run vrft as root$/);
    assert.equal(advised.details, error.details);
    assert.equal(adviceFor(error, ROOT), error);
  }
  const others = [
    new SystemError("Cannot open the kprobe event", EACCES),
    new SystemError("words", EINVAL, "perf_event"),
    new Failure("libbpf", "words", { errno: EPERM, details: "failed to iterate BTF objects: -1" }),
  ];
  for (const error of others) {
    const whole = refusal(error);
    assert.equal(adviceFor(whole, FEW), whole);
  }
});

Deno.test("withAdvice() leaves alone what it knows nothing about", () => {
  for (const error of [new Error("a defect"), "text", undefined, refusal()]) {
    assert.equal(adviceFor(error, FEW), error);
  }
});
