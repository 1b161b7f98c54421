import assert from "node:assert/strict";
import {
  type AttachTime,
  type Attempt,
  checkAttachTime,
  checkBackend,
  extrapolate,
  seldomCalled,
  type Trials,
} from "../../src/check/backends.ts";
import { BACKENDS } from "../../src/probe/backend_choice.ts";
import type { BackendName } from "../../src/probe/backend.ts";
import type { Target } from "../../src/probe/target.ts";
import { Failure } from "../../src/sys/failure.ts";
import { SystemError } from "../../src/sys/libc.ts";

const [, session, multi, kprobe] = BACKENDS as [
  typeof BACKENDS[0],
  typeof BACKENDS[0],
  typeof BACKENDS[0],
  typeof BACKENDS[0],
];

/** Trials in which `working` worked and the others did not. */
function trials(
  working: readonly BackendName[],
  failure: Failure = new Failure("libbpf", "Operation not supported"),
): Trials {
  const attempts: Attempt[] = BACKENDS.map((backend) => ({
    backend,
    failure: working.includes(backend.name) ? null : failure,
  }));
  return { attempts, chosen: working[0] ?? null, attachMs: 100 };
}

Deno.test("checkBackend() marks the best that works, and no other", () => {
  const all = trials(["session", "multi", "kprobe"]);
  assert.deepEqual(
    BACKENDS.map((backend) => checkBackend(backend, all, "auto", false).status),
    ["note", "ok", "note", "note"],
  );
  const old = trials(["kprobe"]);
  assert.deepEqual(
    BACKENDS.map((backend) => checkBackend(backend, old, "auto", false).status),
    ["note", "note", "note", "ok"],
  );
  assert.match(checkBackend(session, old, "auto", false).found, /Operation not supported/);
});

Deno.test("checkBackend() fails where none works and nothing else is to blame", () => {
  const none = trials([]);
  for (const backend of BACKENDS) {
    assert.equal(checkBackend(backend, none, "auto", false).status, "failed");
    assert.equal(checkBackend(backend, none, "auto", true).status, "note");
  }
  assert.match(checkBackend(kprobe, none, "auto", false).advice!, /--debug/);
});

Deno.test("checkBackend() looks for what forbids it where the kernel answers so, in any words", () => {
  const denied = new Deno.errors.PermissionDenied("words");
  const forbidden = [
    new Failure("libbpf", "words", { errno: 1 }),
    new SystemError("words", 13),
    new Failure("tracefs", "words", { cause: denied }),
    new Failure("attach", "words", { cause: new SystemError("words", 1) }),
  ];
  for (const failure of forbidden) {
    const { advice } = checkBackend(kprobe, trials([], failure), "auto", false);
    assert.match(advice!, /seccomp/);
  }
  const other = new Failure("libbpf", "Operation not permitted", { errno: 22 });
  const { advice } = checkBackend(kprobe, trials([], other), "auto", false);
  assert.doesNotMatch(advice!, /seccomp/);
});

Deno.test("checkBackend() fails for the backend that is asked for, and leaves the others alone", () => {
  const asked: Trials = {
    attempts: [{ backend: multi, failure: new Failure("libbpf", "no") }],
    chosen: null,
    attachMs: 0,
  };
  assert.equal(checkBackend(multi, asked, "multi", false).status, "failed");
  assert.equal(checkBackend(session, asked, "multi", false).status, "note");
  assert.match(checkBackend(kprobe, asked, "multi", false).found, /not selected/);
});

Deno.test("checkBackend() says when nothing could be tried", () => {
  const { status, found } = checkBackend(session, null, "auto", true);
  assert.equal(status, "note");
  assert.match(found, /not tried/);
});

function target(name: string, module = "vmlinux"): Target {
  return { name, module, struct: "sk_buff", position: 1, argument: 1, indirection: 1, address: 1n };
}

Deno.test("seldomCalled() takes one function that hardly any packet comes by", () => {
  const targets = ["ip_rcv", "__icmp_send", "skb_copy_ubufs", "vm_rx"].map((name) => target(name));
  assert.deepEqual(seldomCalled(targets).map(({ name }) => name), ["__icmp_send"]);
  const module = [target("__icmp_send", "vrouter"), target("skb_copy_ubufs")];
  assert.deepEqual(seldomCalled(module).map(({ name }) => name), ["skb_copy_ubufs"]);
  const others = ["a", "b", "c", "d", "e", "f"].map((name) => target(name));
  assert.deepEqual(seldomCalled(others).map(({ name }) => name), ["a", "c", "e"]);
});

function time(functions: number, attachMs: number, eachMs: number): AttachTime {
  return { functions, attachMs, eachMs };
}

Deno.test("extrapolate() lets a fixed part be, and multiplies the rest", () => {
  // 400 ms for the backend's lists, 50 ms for the first function, 15 ms for each.
  assert.equal(extrapolate(time(1, 465, 65), time(33, 945, 545), 1633), 945 + 1600 * 15);
});

Deno.test("extrapolate() takes what a backend does at once for what it will take", () => {
  assert.equal(extrapolate(time(1, 200, 0), time(32, 120, 0), 1765), 120);
});

Deno.test("extrapolate() makes do with measurements that make no sense, and with few functions", () => {
  // The first was slower than more of them were later: the average.
  assert.equal(extrapolate(time(1, 900, 800), time(32, 400, 320), 132), 400 + 100 * 10);
  assert.equal(extrapolate(time(3, 100, 30), time(3, 90, 30), 3), 90);
  assert.equal(extrapolate(time(3, 100, 30), time(3, 100, 30), 13), 200);
});

Deno.test("checkAttachTime() rounds, and has advice where it takes long", () => {
  const of = (attachMs: number): ReturnType<typeof checkAttachTime> =>
    checkAttachTime({ chosen: "kprobe", attachMs }, 1624);
  assert.deepEqual(of(130), {
    status: "ok",
    found: "less than a second for 1,624 functions with kprobe",
    advice: null,
  });
  assert.match(of(25_300).found, /^about 25 s for/);
  assert.match(of(25_300).advice!, /-f and -x/);
  assert.match(of(200_000).found, /^about 3 minutes for/);
  for (const unknown of [null, { chosen: null, attachMs: 0 }]) {
    assert.equal(checkAttachTime(unknown, 10).status, "note");
  }
});
