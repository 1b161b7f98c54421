import assert from "node:assert/strict";
import {
  flood,
  FPROBE,
  leftovers,
  must,
  parse,
  type Printed,
  run,
  settle,
  shape,
  summary,
  Trace,
  traceWhile,
} from "./support.ts";

/** Round trips, each of a request and a reply, which are one packet each in the initial namespace. */
const ROUNDS = 200;
const PACKETS = 2 * ROUNDS;
const SAMPLE = 10;
const CPUS = navigator.hardwareConcurrency;

/** Functions that every packet in vrouter passes once, attached to in no time on any kernel. */
const FEW = [
  "-f",
  "linux_rx_handler",
  "-f",
  "vm_rx",
  "-f",
  "vr_*",
  "-f",
  "nh_*",
  "-f",
  "linux_xmit",
];

/** A flood of {@linkcode PACKETS}, traced; nothing may be lost of it. */
async function traceFlood(...args: string[]): Promise<{ stderr: string; printed: Printed }> {
  const { code, stdout, stderr } = await traceWhile(args, () => flood(ROUNDS));
  assert.equal(code, 0, stderr);
  const counts = summary(stderr);
  const printed = parse(stdout);
  assert.equal(printed.orphans, 0, stderr);
  assert.deepEqual(printed.calls.filter(({ note }) => note !== ""), [], stderr);
  // All that was recorded is printed.
  assert.equal(counts.get("events lost"), 0, stderr);
  assert.equal(counts.get("calls"), printed.calls.length, stderr);
  return { stderr, printed };
}

/** What the summary says of the packets. */
function packets(stderr: string): { kept: number; seen: number; sample: number } {
  const found = / ([\d,]+) of ([\d,]+) packets kept \(1 in ([\d,]+)\)/.exec(stderr);
  assert.ok(found, stderr);
  const [kept, seen, sample] = found.slice(1).map((text) => Number(text.replaceAll(",", "")));
  return { kept: kept!, seen: seen!, sample: sample! };
}

/** One in N of the packets, exactly, but for the last N of each CPU. */
function assertShare(kept: number, seen: number, sample: number): void {
  assert.ok(Math.abs(kept - seen / sample) < CPUS, `${kept} of ${seen} kept, 1 in ${sample}`);
}

function shapes({ roots }: Printed): Set<string> {
  return new Set(roots.map(shape));
}

function count({ calls }: Printed, name: string): number {
  return calls.filter((call) => call.name === name).length;
}

Deno.test.beforeAll(settle);

Deno.test("--sample keeps one packet in N, each with all of its calls", async () => {
  const all = await traceFlood();
  assert.doesNotMatch(all.stderr, /packets kept/);
  assert.equal(count(all.printed, "linux_rx_handler"), PACKETS);

  const some = await traceFlood("--sample", `${SAMPLE}`);
  const { kept, seen, sample } = packets(some.stderr);
  assert.equal(sample, SAMPLE);
  // Each is decided about once, although they have few addresses and take turns with them.
  assert.equal(seen, PACKETS);
  assertShare(kept, seen, SAMPLE);
  assert.equal(count(some.printed, "linux_rx_handler"), kept);
  const known = shapes(all.printed);
  for (const tree of shapes(some.printed)) assert.ok(known.has(tree), tree);
  // Nothing is missing: each kept packet has all calls of a packet.
  for (const name of new Set(all.printed.calls.map((call) => call.name))) {
    const calls = count(all.printed, name) / PACKETS;
    if (!Number.isInteger(calls)) continue;
    assert.equal(count(some.printed, name), calls * kept, name);
  }
  assert.deepEqual(await leftovers(), []);
});

// The best one has kept them all above; to multi, identity is the same.
for (const backend of FPROBE ? ["kprobe"] : []) {
  Deno.test(`--sample keeps whole packets of some functions, with the backend ${backend}`, async () => {
    const args = ["--backend", backend, ...FEW];
    const all = await traceFlood(...args);
    const some = await traceFlood(...args, "--sample", `${SAMPLE}`);
    const { kept, seen } = packets(some.stderr);
    assert.equal(seen, PACKETS);
    assertShare(kept, seen, SAMPLE);
    for (const name of ["linux_rx_handler", "vm_rx", "nh_encap_l2", "linux_xmit"]) {
      assert.equal(count(some.printed, name), kept, name);
    }
    const known = shapes(all.printed);
    for (const tree of shapes(some.printed)) assert.ok(known.has(tree), tree);
    // Functions attached to only for sampling are not shown.
    const names = new Set(all.printed.calls.map(({ name }) => name));
    for (const { name } of some.printed.calls) assert.ok(names.has(name), name);
    assert.deepEqual(await leftovers(), []);
  });
}

Deno.test("--sample decides anew about each packet of a TCP connection", async () => {
  const received = (): number =>
    ["tap1", "tap2"].reduce((sum, device) => {
      const text = Deno.readTextFileSync(`/sys/class/net/${device}/statistics/rx_packets`);
      return sum + Number(text);
    }, 0);
  await using trace = await Trace.live("-f", "linux_rx_handler", "--sample", `${SAMPLE}`);
  const before = received();
  // Clones, retransmissions, merged packets: they are made and freed in many ways.
  const server = new Deno.Command("ip", {
    args: ["netns", "exec", "vm2", "nc", "-l", "-p", "5001", "-e", "/bin/cat"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await listening("vm2", 5001);
    const send = "head -c 4000000 /dev/zero | nc 10.1.1.2 5001 | wc -c";
    const echoed = await must("ip", "netns", "exec", "vm1", "sh", "-c", send);
    assert.ok(Number(echoed) > 0, echoed);
  } finally {
    try {
      server.kill("SIGKILL");
    } catch {
      // It has ended with its connection.
    }
    await server.status;
  }
  const sent = received() - before;
  const { code, stdout, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  const { kept, seen } = packets(stderr);
  assert.ok(sent > 100, `${sent}`);
  assert.equal(seen, sent);
  assertShare(kept, seen, SAMPLE);
  assert.equal(count(parse(stdout), "linux_rx_handler"), kept);
});

/** Waits until something listens on a TCP port of a namespace. */
async function listening(namespace: string, port: number): Promise<void> {
  for (;;) {
    const sockets = await must("ip", "netns", "exec", namespace, "ss", "-H", "-l", "-t", "-n");
    if (sockets.includes(`:${port} `)) return;
  }
}

Deno.test("--sample keeps the freeing of a packet with the packet", async () => {
  // vrouter knows nobody of this address and drops what is sent there: its end, with the destructor
  // that tells the sender's socket, is in the trace.
  const nobody = ["10.1.1.77", "lladdr", "02:00:00:00:00:77", "dev", "eth0", "nud", "permanent"];
  await must("ip", "-n", "vm1", "neigh", "replace", ...nobody);
  const send = async (): Promise<void> => {
    const ping = ["ping", "-q", "-f", "-c", `${ROUNDS}`, "-W", "1", "10.1.1.77"];
    assert.equal((await run("ip", ["netns", "exec", "vm1", ...ping])).code, 1);
  };
  const names = [
    "linux_rx_handler",
    "lh_pfree",
    "skb_release_head_state",
    "sock_wfree",
    "kfree_skbmem",
  ];
  const functions = names.flatMap((name) => ["-f", name]);
  const all = parse((await traceWhile(functions, send)).stdout);
  for (const name of names) assert.equal(count(all, name), ROUNDS, name);
  const { stdout, stderr } = await traceWhile([...functions, "--sample", `${SAMPLE}`], send);
  const { kept, seen } = packets(stderr);
  assert.equal(seen, ROUNDS, stderr);
  assertShare(kept, seen, SAMPLE);
  const some = parse(stdout);
  const known = shapes(all);
  for (const tree of shapes(some)) assert.ok(known.has(tree), tree);
  for (const name of names) assert.equal(count(some, name), kept, name);
});

Deno.test("A sampled trace says of every event that it was printed or lost", async () => {
  // A page holds a hundred records; the reader is stopped so that it must overflow.
  await using trace = await Trace.live("-f", "vm_rx", "--sample", "2", "--buffer", "4096");
  trace.signal("SIGSTOP");
  await flood(ROUNDS);
  trace.signal("SIGCONT");
  const { code, stdout, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  const { kept } = packets(stderr);
  const lost = summary(stderr).get("events lost")!;
  assert.ok(lost > 0, stderr);
  const { calls, events } = parse(stdout);
  // A kept packet enters vm_rx() once. Each entry is printed or lost, each return of a printed one is.
  assert.equal(events + lost, kept + calls.length, stderr);
});
