import assert from "node:assert/strict";
import { denial } from "../../src/kernel/deny_list.ts";

Deno.test("what probes go through and what runs without end is denied, with the reason", () => {
  for (
    const name of [
      "rcu_read_lock_held",
      "preempt_count_add",
      "migrate_disable",
      "__bpf_prog_enter_sleepable",
      "arch_cpu_idle",
      "default_idle_call",
    ]
  ) {
    assert.match(denial(name) ?? "", /^denied: [a-zA-Z]/, name);
  }
});

Deno.test("functions of the packet path are not denied", () => {
  for (
    const name of [
      "__netif_receive_skb_core",
      "vr_flow_forward",
      "linux_rx_handler",
      "kfree_skb_reason",
      "bpf_prog_run_generic_xdp",
      "skb_idle",
    ]
  ) {
    assert.equal(denial(name), undefined, name);
  }
});
