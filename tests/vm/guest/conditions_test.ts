import assert from "node:assert/strict";
import { parse, ping, settle, traceWhile } from "./support.ts";

const PINGS = 3;
/** From where a packet is received to where it leaves. */
const PATH = ["linux_rx_handler", "vm_rx", "vr_bridge_input", "nh_output", "linux_xmit"];

/** Calls by name of the packets that meet conditions, among those of some pings. */
async function shown(conditions: readonly string[]): Promise<Map<string, number>> {
  await settle();
  const args = [...PATH.flatMap((name) => ["-f", name]), ...conditions];
  const { code, stdout, stderr } = await traceWhile(args, () => ping(PINGS));
  assert.equal(code, 0, stderr);
  assert.match(stderr, / 0 events lost/);
  const counts = new Map<string, number>();
  for (const { name } of parse(stdout).calls) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

Deno.test("--vif shows a packet from its first call on, though it gets to the vif later", async () => {
  // Requests go to vif 2, from tap1.
  const requests = await shown(["icmp[icmptype] = icmp-echo", "--vif", "tap2"]);
  for (const name of PATH) assert.equal(requests.get(name), PINGS, name);
});

Deno.test("--vrf and --nh show the packets that are there at some time, and no others", async () => {
  // The VMs are in VRF 0. Their nexthops have the first ids that are free: 0 is to discard.
  const encaps = Array.from({ length: 16 }, (_, index) => `--nh=${3 + index}`);
  const both = await shown(["icmp", "--vrf", "7", "--vrf", "0", ...encaps]);
  for (const name of PATH) assert.equal(both.get(name), 2 * PINGS, name);
  assert.deepEqual([...(await shown(["icmp", "--vrf", "0", "--nh", "0"])).keys()], []);
});
