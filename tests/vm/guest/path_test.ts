import assert from "node:assert/strict";
import { hasModuleBtf, keep, parse, ping, settle, shape, summary, traceWhile } from "./support.ts";

/** What a unicast packet does in vrouter between two vifs of one host, outermost call first. */
const PATH = [
  "__netif_receive_skb_one_core",
  "linux_rx_handler",
  "vm_rx",
  "vr_virtual_input",
  "vr_pkt_type",
  "vr_flow_forward",
  "vr_inet_flow_lookup",
  "__vr_flow_forward",
  "vr_bridge_input",
  "nh_output",
  "nh_encap_l2",
  "eth_tx",
  "vif_plug_mac_request",
  "linux_if_tx",
  "linux_xmit_segment",
  "linux_xmit",
  "__dev_queue_xmit",
  "dev_hard_start_xmit",
  "veth_xmit",
];

/** Without BTF of veth, its functions are unknown. */
const SEND = hasModuleBtf() ? "dev_hard_start_xmit(veth_xmit)" : "dev_hard_start_xmit";
const NESTED = "__netif_receive_skb_one_core(linux_rx_handler(vm_rx(" +
  "vr_virtual_input(vr_pkt_type vr_flow_forward(vr_inet_flow_lookup __vr_flow_forward) " +
  "vr_bridge_input(nh_output(nh_encap_l2(eth_tx(vif_plug_mac_request linux_if_tx(" +
  `linux_xmit_segment(linux_xmit(__dev_queue_xmit(${SEND}))))))))))))`;

Deno.test("A ping crosses vrouter in the order of its functions and of CLOCK_MONOTONIC, there and back", async () => {
  const uptime = (): number => Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
  await settle();
  const before = uptime();
  // Attaches to everything; the path is what remains after removing other calls.
  const { code, stdout, stderr } = await traceWhile([], () => ping(1));
  assert.equal(code, 0, stderr);
  const { calls, roots, orphans } = parse(stdout);
  const names = new Set(PATH);
  const paths = keep(roots, names).filter((call) => shape(call).includes("vr_inet_flow_lookup"));
  assert.deepEqual(paths.map(shape), [NESTED, NESTED], stdout);
  assert.deepEqual(calls.filter(({ note }) => note !== ""), []);
  assert.equal(orphans, 0);
  const counts = summary(stderr);
  assert.equal(counts.get("calls"), calls.length);
  assert.equal(counts.get("functions"), new Set(calls.map(({ name }) => name)).size);
  assert.equal(counts.get("events lost"), 0);
  const after = uptime();
  for (const call of calls) {
    // /proc/uptime has hundredths of seconds; the guest has never been suspended.
    assert.ok(Number(call.start) / 1e9 >= before - 0.02);
    assert.ok(Number(call.start) / 1e9 <= after + 0.02);
    assert.ok(call.end! >= call.start);
    for (const inner of call.calls) {
      assert.ok(inner.start >= call.start);
      assert.ok(inner.end! <= call.end!);
    }
  }
});
