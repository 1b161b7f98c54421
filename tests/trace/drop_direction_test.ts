import assert from "node:assert/strict";
import { kernelDirection, vrouterDirection } from "../../src/trace/drop_direction.ts";

Deno.test("what vrouter drops where it sends is charged to the vif that sends", () => {
  const receiving = ["vr_bridge_input", "vr_virtual_input", "vm_rx", "linux_rx_handler"];
  assert.equal(vrouterDirection(receiving), "receive");
  assert.equal(vrouterDirection(["linux_xmit_segment", "linux_if_tx", ...receiving]), "transmit");
  assert.equal(vrouterDirection(["linux_if_tx", "eth_tx", ...receiving]), "transmit");
  // lh_pfree() charges the vif that the packet came in by, whoever calls it.
  assert.equal(vrouterDirection(["vif_drop_pkt", "eth_tx", ...receiving]), "receive");
  assert.equal(vrouterDirection(["linux_rx_handler"]), "receive");
});

Deno.test("of functions of the kernel the innermost tells the direction", () => {
  assert.equal(
    kernelDirection([
      "__udp4_lib_rcv",
      "udp_rcv",
      "ip_protocol_deliver_rcu",
      "__netif_receive_skb_one_core",
      "process_backlog",
      "__dev_queue_xmit",
      "ip_finish_output2",
    ]),
    "receive",
  );
  assert.equal(
    kernelDirection(["pfifo_enqueue", "__dev_queue_xmit", "linux_xmit", "linux_rx_handler"]),
    "transmit",
  );
  assert.equal(kernelDirection(["tun_net_xmit", "dev_hard_start_xmit"]), "transmit");
  assert.equal(kernelDirection(["skb_queue_purge", "sock_release"]), null);
  assert.equal(kernelDirection([]), null);
});
