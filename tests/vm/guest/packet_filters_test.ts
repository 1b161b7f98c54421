import assert from "node:assert/strict";
import { FPROBE, must, parse, ping, run, settle, Trace } from "./support.ts";
import { statistic, TUNNELS } from "./traffic.ts";

/** A packet that comes from a VM enters each of these once. */
const ONCE = ["linux_rx_handler", "vm_rx"];
const FUNCTIONS = ONCE.flatMap((name) => ["-f", name]);

/** Arguments of a trace, with the number of packets that it must show. */
type Expected = readonly [args: readonly string[], packets: number];

/** Traces by all of them at once while `action` runs, which saves time. */
async function traceAll(expected: readonly Expected[], action: () => Promise<void>): Promise<void> {
  await using traces = new AsyncDisposableStack();
  const live = [];
  for (const [args] of expected) {
    live.push(traces.use(await Trace.live(...args, ...FUNCTIONS)));
  }
  await action();
  for (const [index, [args, packets]] of expected.entries()) {
    const { code, stdout, stderr } = await live[index]!.stop();
    assert.equal(code, 0, stderr);
    const { calls } = parse(stdout);
    for (const name of ONCE) {
      const count = calls.filter((call) => call.name === name).length;
      assert.equal(count, packets, `${args.join(" ")}: ${name}\n${stdout}${stderr}`);
    }
  }
}

/** Packets that vrouter has received from the VMs. */
function received(): number {
  return statistic("tap1", "rx_packets") + statistic("tap2", "rx_packets");
}

Deno.test("A filter shows the packets that match, with each backend", async () => {
  await settle();
  // The first trace takes the best one, which is session where there is FPROBE.
  const others = FPROBE ? ["multi", "kprobe"] : ["kprobe"];
  const expected: Expected[] = [
    [["icmp and host 10.1.1.2"], 8],
    ...others.map((backend): Expected => [
      ["icmp[icmptype]=icmp-echoreply", "--backend", backend],
      4,
    ]),
    // The words are joined; nothing of the pings, both packets of the attempt to connect.
    [["tcp", "port", "9"], 2],
  ];
  await traceAll(expected, async () => {
    const before = received();
    await ping(4);
    // Refused.
    assert.equal((await run("ip", ["netns", "exec", "vm1", "nc", "10.1.1.2", "9"])).code, 1);
    assert.equal(received() - before, 10);
  });
});

Deno.test("Filters of one layer look into VXLAN and MPLSoGRE of the kernel's devices", async () => {
  await settle();
  await must("sh", TUNNELS);
  try {
    const tunnelled = (count: number, address: string): Promise<string> =>
      must("ip", "netns", "exec", "vm1", "ping", "-c", `${count}`, "-i", "0.2", address);
    // Nothing but the pings of the test is to be in the tunnels.
    await tunnelled(1, "10.2.1.2");
    for (const [vm, other] of [["vm1", 2], ["vm2", 1]] as const) {
      const entry = [`10.2.1.${other}`, "dev", "vx0", "nud", "permanent"];
      await must("ip", "-n", vm, "neigh", "change", ...entry);
    }
    const expected: Expected[] = [
      [["--outer", "udp port 4789", "--inner", "icmp[icmptype]=icmp-echoreply"], 2],
      // Any layer.
      [["icmp and host 10.3.1.2"], 6],
    ];
    // Where each start takes long, the rest is left to the other kernels.
    if (FPROBE) {
      expected.push(
        [["--inner", "icmp and (host 10.2.1.2 or host 10.3.1.2)"], 10],
        [["--vni", "5001"], 4],
        // Of those to vm2.
        [["--label", "202"], 3],
      );
    }
    await traceAll(expected, async () => {
      const before = received();
      assert.match(await tunnelled(2, "10.2.1.2"), /^2 packets transmitted, 2 received/m);
      assert.match(await tunnelled(3, "10.3.1.2"), /^3 packets transmitted, 3 received/m);
      await ping(1);
      assert.equal(received() - before, 12);
    });
  } finally {
    await must("sh", TUNNELS, "undo");
  }
});
