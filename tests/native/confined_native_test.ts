import assert from "node:assert/strict";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, whyNoPrograms } from "../support/bpf.ts";
import { confined, type Confinement } from "../support/confine.ts";
import { ringLayout } from "../../src/probe/ring_layout.ts";
import { onlineCpus } from "../../src/sys/cpus.ts";
import { type Ended, run, spawn, VRFT } from "../support/native_vrft.ts";
import { testUnless, whyNoProgram, whyNotRoot } from "../support/skip.ts";

// Users, capabilities and system calls that are missing.

// Numbers of include/uapi/linux/capability.h.
const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;
const CAP_SYSLOG = 34;
const CAP_PERFMON = 38;
const CAP_BPF = 39;

// Numbers of arch/x86/entry/syscalls/syscall_64.tbl.
const MMAP = 9;
const SENDTO = 44;
const BPF = 321;
const EPERM = 1;
const ENOMEM = 12;
const ENOSYS = 38;

const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
const DROPS = ["drops", "--no-vrouter", "-i", "lo", "--duration", "100ms"];

const root = whyNotRoot() || whyNoProgram("setpriv");
const bpf = root || whyNoPrograms(BPF_PROG_TYPE_RAW_TRACEPOINT);
const loaded = (() => {
  try {
    return Deno.statSync("/sys/module/vrouter").isDirectory ? "the vrouter module is loaded" : "";
  } catch {
    return "";
  }
})();

/** What every failure has in common: status 1, one line that says it, no stack trace, no output. */
function assertFailure({ code, stdout, stderr }: Ended, expected: RegExp): void {
  assert.equal(code, 1, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /^vrft: Cannot /m);
  assert.match(stderr, expected);
  assert.doesNotMatch(stderr, /\bat .*:\d+:\d+|bug in vrft/);
}

async function runConfined(confinement: Confinement, args: readonly string[]): Promise<Ended> {
  return await run(confined(confinement, [VRFT, ...args]));
}

testUnless(root, "without root, a trace says what is missing", async () => {
  const missing =
    /^vrft: Cannot trace without CAP_BPF, CAP_PERFMON, CAP_SYSLOG.*: run vrft as root$/m;
  assertFailure(await run([...NOBODY, VRFT]), missing);
  assertFailure(await run([...NOBODY, VRFT, ...DROPS]), missing);
});

testUnless(root, "without root, help, version and the list of functions work", async () => {
  for (const option of ["--help", "--version"]) {
    assert.equal((await run([...NOBODY, VRFT, option])).code, 0);
  }
  const list = ["functions", "--no-vrouter", "--json"];
  const { code, stdout, stderr } = await run([...NOBODY, VRFT, ...list]);
  assert.equal(code, 0, stderr);
  const functions = JSON.parse(stdout) as { address: string | null }[];
  assert.ok(functions.length > 1000);
  assert.ok(functions.every(({ address }) => address === null));
});

/** Titles of what `vrft check` finds missing. */
async function missing(command: readonly string[]): Promise<{ titles: string[]; stdout: string }> {
  const { code, stdout, stderr } = await run(command);
  assert.equal(stderr, "");
  const titles = Array.from(stdout.matchAll(/^✖ (.{30})\S/gm), ([, title]) => title!.trim());
  assert.equal(code, titles.length === 0 ? 0 : 1, stdout);
  return { titles, stdout };
}

testUnless(root, "without root, vrft check says so, and blames nothing else", async () => {
  const check = [VRFT, "check", "--no-vrouter"];
  const { titles, stdout } = await missing([...NOBODY, ...check]);
  assert.match(stdout, /user 65534, without CAP_BPF.*\n +→ run vrft as root\n/);
  // This machine may lack more, with any user.
  const others = (await missing(check)).titles;
  assert.deepEqual(titles.filter((title) => !others.includes(title)), ["Privileges"], stdout);
});

testUnless(root, "without a capability, as in a container, a trace names it", async () => {
  const cases = [
    [[CAP_SYS_ADMIN, CAP_BPF], "CAP_BPF"],
    [[CAP_SYS_ADMIN, CAP_PERFMON], "CAP_PERFMON"],
    [[CAP_SYS_ADMIN, CAP_SYSLOG], "CAP_SYSLOG"],
    [[CAP_NET_ADMIN], "CAP_NET_ADMIN"],
  ] as const;
  for (const [drop, name] of cases) {
    const expected = new RegExp(`^vrft: Cannot trace without ${name}: run vrft as root`, "m");
    assertFailure(await runConfined({ drop }, []), expected);
  }
});

testUnless(
  bpf || whyNoProgram("unshare", ["-U", "-r", "true"]),
  "in a user namespace, root is told that its rights count for nothing",
  async () => {
    assertFailure(await run(["unshare", "-U", "-r", VRFT, ...DROPS]), /user namespace/);
  },
);

testUnless(bpf, "without bpf(2), vrft names the filter of system calls", async () => {
  for (const errno of [EPERM, ENOSYS]) {
    const ended = await runConfined({ refuse: [{ call: BPF, errno }] }, DROPS);
    assertFailure(ended, /filter.* allow bpf\(2\)/);
  }
});

testUnless(
  bpf,
  "a ring buffer that cannot be mapped is an error that names its option",
  async () => {
    const { cpus, blocks, blockBytes } = ringLayout(8 * 2 ** 20, onlineCpus());
    const bytes = Math.ceil(cpus.length * blocks * blockBytes / 4096) * 4096;
    const refuse = [{ call: MMAP, errno: ENOMEM, argument: { index: 1, value: bytes } }];
    const ended = await runConfined({ refuse }, [...DROPS, "--buffer", "8M"]);
    assertFailure(ended, /no memory for ring buffers of 8192 KiB.*--buffer/);
  },
);

testUnless(
  bpf,
  "Ctrl-C ends a vrft at once that waits for an answer that never comes",
  async () => {
    // The request for the network devices, which has this length, seems to have been sent.
    const refuse = [{ call: SENDTO, errno: 0, argument: { index: 2, value: 40 } }];
    await using child = spawn(confined({ refuse }, [VRFT, ...DROPS]));
    void child.stdout.cancel();
    const start = performance.now();
    let stderr = "";
    let again: ReturnType<typeof setInterval> | undefined;
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      stderr += text;
      if (again !== undefined || !stderr.includes("Kernel(release")) continue;
      // It may be a moment before it really waits: again and again, until it ends.
      again = setInterval(() => {
        try {
          child.kill("SIGINT");
        } catch {
          // It has ended.
        }
      }, 100);
    }
    clearInterval(again);
    assert.equal((await child.status).code, 0, stderr);
    assert.match(stderr, /Interrupted before anything was attached\n$/);
    // The answer may take 10 s.
    assert.ok(performance.now() - start < 8000, `${performance.now() - start} ms`);
  },
);

testUnless(loaded, "without the module, a trace and vrft interfaces say so", async () => {
  assertFailure(await run([VRFT]), root === "" ? /not loaded.*--no-vrouter/ : /root/);
  assertFailure(await run([VRFT, "interfaces"]), /vrouter kernel module is not loaded/);
});

testUnless(
  root,
  "a network device that does not exist is an error that names those that do",
  async () => {
    assertFailure(await run([VRFT, "--no-vrouter", "-i", "none0"]), /"none0".*there are .*\blo\b/);
  },
);
