import assert from "node:assert/strict";
import { must, ping, settle } from "./support.ts";
import { pingHeld, policy, statistic, transfer, TUNNELS } from "./traffic.ts";
import { DROP, dropCounters, dropsSince, flows } from "./vrouter.ts";
import { until } from "./until.ts";

// The stand-in module itself, without vrft: what other tests rely on.

Deno.test("A flow on hold keeps three packets, which go on when it is set to Forward", async () => {
  await settle();
  await policy(1);
  try {
    const before = dropCounters();
    const { flow, ended } = await pingHeld(77, 5, 3);
    assert.equal(flow.action, "H");
    assert.equal(flow.held, 3);
    // There is no agent for the copy of the first packet.
    const dropped = new Map([[DROP.TRAP_NO_IF, 1], [DROP.FLOW_QUEUE_LIMIT_EXCEEDED, 2]]);
    assert.deepEqual(dropsSince(before), dropped);
    await must("flow", "-f", `${flow.index}`);
    const stdout = await ended;
    assert.match(stdout, /^5 packets transmitted, 3 received/m);
    assert.deepEqual(stdout.match(/(?<=icmp_seq=)\d+/g), ["1", "2", "3"]);
    // Further packets are not held.
    await ping(2, "-e", "77");
    assert.deepEqual(dropsSince(before), dropped);
    await must("flow", "-i", `${flow.index}`);
    await until("the end of the flow", () => flows().length === 0);
  } finally {
    await policy(0);
  }
});

Deno.test("What a flow on hold keeps is dropped by its action, VRF or source; the agent gets a copy", async () => {
  await settle();
  await must("ip", "link", "add", "pkt0", "type", "veth", "peer", "name", "agent0");
  await must("ip", "link", "set", "pkt0", "up");
  await must("ip", "link", "set", "agent0", "up");
  await must("vif-add", "pkt0", "4", "1", "65535");
  await policy(1);
  try {
    const cases = [
      { id: 78, set: (index: string) => must("flow", "-d", index), reason: DROP.FLOW_ACTION_DROP },
      { id: 79, set: (index: string) => must("flow", "-f", index, "9"), reason: DROP.L2_NO_ROUTE },
      // There is no such nexthop that the packets could have come from.
      {
        id: 80,
        set: (index: string) => must("flow", "-f", index, "0", "60000"),
        reason: DROP.INVALID_NH,
      },
    ];
    for (const { id, set, reason } of cases) {
      const before = dropCounters();
      const { flow, ended } = await pingHeld(id, 2, 1);
      assert.deepEqual(dropsSince(before), new Map([[DROP.DUPLICATED, 1]]));
      await set(`${flow.index}`);
      await until(
        `2 drops for reason ${reason}`,
        () => dropsSince(before).get(reason) === 2 || undefined,
      );
      assert.deepEqual(dropsSince(before), new Map([[DROP.DUPLICATED, 1], [reason, 2]]));
      await must("flow", "-i", `${flow.index}`);
      assert.match(await ended, /^2 packets transmitted, 0 received/m);
    }
  } finally {
    await policy(0);
    await must("ip", "link", "delete", "pkt0");
  }
});

Deno.test("Tunnels of the kernel's own devices: between VMs, and behind the fabric, with GSO", async () => {
  await settle();
  await must("sh", TUNNELS);
  try {
    for (
      const [from, to] of [["vm1", "10.2.1.2"], ["vm1", "10.3.1.2"], ["far", "10.1.1.1"]] as const
    ) {
      const stdout = await must("ip", "netns", "exec", from, "ping", "-c", "2", "-i", "0.2", to);
      assert.match(stdout, /^2 packets transmitted, 2 received/m, `${from} to ${to}`);
    }
    const received = statistic("tap1", "rx_packets");
    const sent = statistic("fab0", "tx_packets");
    const lines = 60_000;
    const expected = Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join("");
    assert.ok(await transfer(`seq ${lines}`) === expected, "the stream differs");
    // vrouter cuts the packets of vm1 into segments, before they leave by the fabric.
    const whole = statistic("tap1", "rx_packets") - received;
    const cut = statistic("fab0", "tx_packets") - sent;
    assert.ok(cut > whole + 50, `${whole} packets of vm1 left as ${cut}`);
  } finally {
    await must("sh", TUNNELS, "undo");
  }
});
