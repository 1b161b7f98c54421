import assert from "node:assert/strict";
import { type Expected, received, traceAll } from "./filtered_traces.ts";
import { FPROBE, must, ping, settle } from "./support.ts";
import { TUNNELS } from "./traffic.ts";

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
