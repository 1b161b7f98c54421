import assert from "node:assert/strict";
import { FPROBE, keep, must, parse, run, settle, shape, traceWhile } from "./support.ts";

// The fabric's devices are pairs: fab0 and its peer wire0. What is sent into the wire, vrouter receives.

/**
 * What a real vrouter does with a packet from the fabric up to its route, traced by function_graph on
 * Linux 6.12: it comes in twice, because RPS sends it through pkt2.
 */
const STEERED = "__netif_receive_skb(__netif_receive_skb_one_core(linux_rx_handler(linux_get_rxq(" +
  "__skb_flow_dissect) netif_receive_skb(__netif_receive_skb(__netif_receive_skb_one_core(" +
  "pkt_rps_dev_rx_handler(linux_rx_handler(skb_push eth_rx(lh_pfrag_len vr_fabric_input(" +
  "vr_pkt_type vr_ip_input(vr_flow_forward(vr_inet_flow_lookup __vr_flow_forward) vr_forward(" +
  "nh_output(nh_discard(lh_pfree))))))))))))))";
const NAMES = new Set(STEERED.split(/[() ]+/));

/** Gives a wire's end an address, and a neighbour behind which vrouter is. */
async function connect(wire: string, network: string, mac: string): Promise<void> {
  await must("ip", "address", "replace", `${network}.2/24`, "dev", wire);
  await must("ip", "neigh", "replace", `${network}.1`, "lladdr", mac, "dev", wire);
}

/** Sends echo requests into the wire; vrouter has no route for them, so nobody answers. */
async function send(address: string, count: number): Promise<void> {
  const { stdout } = await run("ping", ["-q", "-c", `${count}`, "-i", "0.2", "-W", "1", address]);
  assert.match(stdout, new RegExp(`^${count} packets transmitted, 0 received`, "m"));
}

async function connectFab0(): Promise<void> {
  await settle();
  await connect("wire0", "172.16.0", "02:00:00:00:02:00");
}

Deno.test({
  name: "A packet from the fabric is shown as a real vrouter handles it, through pkt2" +
    (FPROBE ? "" : " (ignored: attaching to all functions takes minutes here)"),
  ignore: !FPROBE,
  fn: async () => {
    await connectFab0();
    for (const args of [[], ["-i", "fab0"]]) {
      const { code, stdout, stderr } = await traceWhile(args, () => send("172.16.0.1", 1));
      assert.equal(code, 0, stderr);
      const roots = keep(parse(stdout).roots, NAMES)
        .filter((call) => shape(call).includes("linux_rx_handler"));
      assert.deepEqual(roots.map(shape), [STEERED], stdout);
    }
  },
});

/** Of these, a packet from the fabric that is dropped passes each of the last four once. */
const FEW = [
  "linux_rx_handler",
  "netif_receive_skb",
  "pkt_rps_dev_rx_handler",
  "eth_rx",
  "lh_pfree",
];

function count(stdout: string, name: string): number {
  return parse(stdout).calls.filter((call) => call.name === name).length;
}

Deno.test("With -i, a packet on pkt2 belongs to the physical vif that it came in by", async () => {
  await connectFab0();
  await must("ip", "link", "add", "fab1", "type", "veth", "peer", "name", "wire1");
  try {
    await must("ip", "link", "set", "fab1", "address", "02:00:00:00:03:00", "up");
    await must("ip", "link", "set", "wire1", "up");
    await must("vif-add", "fab1", "7", "2");
    await connect("wire1", "172.16.1", "02:00:00:00:03:00");
    const only = FEW.flatMap((name) => ["-f", name]);
    for (
      const { choice, expected } of [
        { choice: ["-i", "vif0/7"], expected: 2 },
        { choice: ["-i", "fab0"], expected: 3 },
        { choice: ["-i", "fab0", "-i", "fab1"], expected: 5 },
        { choice: ["-i", "tap1"], expected: 0 },
      ]
    ) {
      const { stdout } = await traceWhile([...only, ...choice], async () => {
        await send("172.16.1.1", 2);
        await send("172.16.0.1", 3);
      });
      const counts = FEW.map((name) => count(stdout, name));
      assert.deepEqual(counts, [2, 1, 1, 1, 1].map((one) => one * expected), choice.join(" "));
    }
  } finally {
    await must("ip", "link", "delete", "fab1");
  }
});
