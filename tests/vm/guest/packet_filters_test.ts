import assert from "node:assert/strict";
import { must, parse, ping, settle, traceWhile } from "./support.ts";

// Packets of the VMs as vrouter receives them: each once, with its Ethernet header taken off.
const RECEIVED = ["-f", "vm_rx"];
const TUNNELS = new URL("../tunnels.sh", import.meta.url).pathname;

/** Packets that match, among those of `action`. */
async function matching(args: readonly string[], action: () => Promise<unknown>): Promise<number> {
  const { code, stdout, stderr } = await traceWhile([...RECEIVED, ...args], action);
  assert.equal(code, 0, stderr);
  return parse(stdout).calls.filter(({ name }) => name === "vm_rx").length;
}

Deno.test("A filter keeps the packets that match it", async () => {
  await settle();
  const pings = (): Promise<void> => ping(4);
  assert.equal(await matching(["icmp", "and", "host", "10.1.1.2"], pings), 8);
  assert.equal(await matching(["icmp[icmptype]=icmp-echoreply"], pings), 4);
  assert.equal(await matching(["tcp port 9"], pings), 0);
});

Deno.test("A filter looks into the tunnels of the kernel's own devices", async () => {
  await settle();
  await must("sh", TUNNELS);
  try {
    // Without a tunnel, in VXLAN, and in MPLS over GRE.
    const pings = async (): Promise<void> => {
      for (const to of ["10.1.1.2", "10.2.1.2", "10.3.1.2"]) {
        await must("ip", "netns", "exec", "vm1", "ping", "-c2", "-i0.2", "-w30", to);
      }
    };
    // Neighbours of the tunnels are found with the first.
    await pings();
    const tunnelled = "icmp and (host 10.2.1.2 or host 10.3.1.2)";
    assert.equal(await matching([tunnelled], pings), 8);
    assert.equal(await matching(["--inner", "icmp", "--outer", "udp port 4789"], pings), 4);
    assert.equal(await matching(["--inner", "icmp", "--outer", "ip proto 47"], pings), 4);
    assert.equal(await matching(["--outer", tunnelled], pings), 0);
  } finally {
    await must("sh", TUNNELS, "undo");
  }
});
