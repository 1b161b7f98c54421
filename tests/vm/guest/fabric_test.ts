import assert from "node:assert/strict";
import { FPROBE, keep, must, parse, run, settle, shape, traceWhile } from "./support.ts";

// The fabric's devices are veth pairs, such as fab0 and wire0: vrouter receives what is sent to the wire.

// Calls of a real vrouter, traced by function_graph on Linux 6.12, as far as the stand-in has them.

/** A packet is received twice, because RPS sends it through pkt2. */
function steered(route: string): string {
  return "__netif_receive_skb(__netif_receive_skb_one_core(linux_rx_handler(linux_get_rxq(" +
    "__skb_flow_dissect) netif_receive_skb(__netif_receive_skb(__netif_receive_skb_one_core(" +
    "pkt_rps_dev_rx_handler(linux_rx_handler(skb_push eth_rx(lh_pfrag_len vr_fabric_input(" +
    "vr_pkt_type vr_ip_input(vr_flow_forward(vr_inet_flow_lookup __vr_flow_forward) vr_forward(" +
    `nh_output(${route})))))))))))))`;
}

/** A packet without a route. */
const DROPPED = [steered("nh_discard(lh_pfree)")];
/** A packet from a tunnel to a VM: GRO passes it through pkt3. */
const TUNNELLED = [
  steered(
    "nh_l3_rcv(vr_ip_rcv(vr_vxlan_input(vr_pkt_type nh_output(nh_vrf_translate(vr_bridge_input(" +
      "nh_output(nh_encap_l2(vr_gro_input(lh_gro_process(lh_pfrag_len skb_pull linux_get_rxq " +
      "linux_enqueue_pkt_for_gro(skb_queue_tail)))))))))))",
  ),
  "napi_gro_receive(dev_gro_receive(inet_gro_receive))",
  "pkt_gro_dev_rx_handler(skb_push vr_pkt_type nh_output(nh_encap_l2(eth_tx(vif_plug_mac_request " +
  "linux_if_tx(linux_xmit_segment(linux_xmit(__dev_queue_xmit(dev_hard_start_xmit(veth_xmit)))))))))",
];

/** Gives the wire an address, and a neighbour entry for vrouter. */
async function connect(wire: string, network: string, mac: string): Promise<void> {
  await must("ip", "address", "replace", `${network}.2/24`, "dev", wire);
  await must("ip", "neigh", "replace", `${network}.1`, "lladdr", mac, "dev", wire);
}

/** Sends echo requests to the wire; vrouter has no route for them, so there are no replies. */
async function send(address: string, count: number): Promise<void> {
  const { stdout } = await run("ping", ["-q", "-c", `${count}`, "-i", "0.2", "-W", "1", address]);
  assert.match(stdout, new RegExp(`^${count} packets transmitted, 0 received`, "m"));
}

async function connectFab0(): Promise<void> {
  await settle();
  await connect("wire0", "172.16.0", "02:00:00:00:02:00");
  // The remote end of a tunnel to the VMs; VNI 0 is their VRF. They have its address, vrouter does not.
  await run("ip", ["link", "delete", "vx0"]);
  const ends = ["local", "172.16.0.2", "remote", "172.16.0.1", "dstport", "4789"];
  await must("ip", "link", "add", "vx0", "type", "vxlan", "id", "0", ...ends);
  await must("ip", "link", "set", "vx0", "up");
  await connect("vx0", "10.1.1", "02:00:00:00:00:01");
  const peer = ["10.1.1.2", "lladdr", "02:00:00:00:00:09", "dev", "eth0"];
  await must("ip", "-n", "vm1", "neigh", "replace", ...peer);
}

Deno.test({
  name: "A packet from the fabric is shown as a real vrouter handles it, through RPS and GRO" +
    (FPROBE ? "" : " (ignored: attaching to all functions takes minutes here)"),
  ignore: !FPROBE,
  fn: async () => {
    await connectFab0();
    const { code, stdout, stderr } = await traceWhile(["-i", "fab0"], async () => {
      await send("172.16.0.1", 1);
      await send("10.1.1.1", 1);
    });
    assert.equal(code, 0, stderr);
    const { roots } = parse(stdout);
    for (const expected of [...DROPPED, ...TUNNELLED]) {
      const names = new Set(expected.split(/[() ]+/));
      const shapes = keep(roots, names).map(shape);
      assert.equal(shapes.filter((one) => one === expected).length, 1, `${expected}\n${stdout}`);
    }
  },
});

/** The calls by name, in the order of the names. */
const FEW = [
  "linux_rx_handler",
  "netif_receive_skb",
  "pkt_rps_dev_rx_handler",
  "eth_rx",
  "nh_discard",
  "dev_gro_receive",
  "pkt_gro_dev_rx_handler",
];

function countsOf(stdout: string): number[] {
  const { calls } = parse(stdout);
  return FEW.map((name) => calls.filter((call) => call.name === name).length);
}

Deno.test("With -i, a packet on vrouter's own devices belongs to the vif it came in by", async () => {
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
        { choice: ["vif0/7"], expected: [4, 2, 2, 2, 2, 0, 0] },
        { choice: ["fab0", "fab1"], expected: [12, 6, 6, 6, 5, 1, 1] },
        // The VM's replies go to tap1.
        { choice: ["tap1"], expected: [1, 0, 0, 0, 0, 0, 0] },
      ]
    ) {
      // Where each start takes long, the choices of one interface are left to the other kernels.
      if (!FPROBE && choice.length === 1) continue;
      const args = choice.flatMap((name) => ["-i", name]);
      const { stdout } = await traceWhile([...only, ...args], async () => {
        await send("172.16.1.1", 2);
        await send("172.16.0.1", 3);
        await send("10.1.1.1", 1);
      });
      assert.deepEqual(countsOf(stdout), expected, `${choice}`);
    }
  } finally {
    await must("ip", "link", "delete", "fab1");
    await must("ip", "link", "delete", "vx0");
  }
});
