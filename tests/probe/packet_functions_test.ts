import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { surveyed } from "../../src/kernel/functions.ts";
import { describedPacketFunctions, findPacketFunctions } from "../../src/probe/packet_functions.ts";
import { BtfWriter } from "../support/btf_writer.ts";

/** Where vrouter's functions are. */
const MODULE = 0xffffffffc0100000n;

/** A kernel and a module: each has what is probed, a function that is not, and one of the other's names. */
function described(): { kernel: Btf; vrouter: Btf } {
  const writer = new BtfWriter();
  const skb = writer.pointer(writer.struct("sk_buff", 232));
  for (const name of ["skb_release_head_state", "__dev_queue_xmit", "ip_rcv", "nh_output"]) {
    writer.func(name, [["skb", skb]]);
  }
  const module = new BtfWriter(writer);
  const pkt = module.pointer(module.struct("vr_packet", 64));
  for (const name of ["nh_output", "vr_trap", "eth_tx", "__dev_queue_xmit"]) {
    module.func(name, [["vif", 0], ["pkt", pkt]]);
  }
  const kernel = Btf.parse(writer.bytes());
  return { kernel, vrouter: Btf.parse(module.bytes(), kernel) };
}

function symbols(): { kallsyms: Uint8Array; filterFunctions: Uint8Array } {
  const encoder = new TextEncoder();
  return {
    kallsyms: encoder.encode(
      "ffffffff81000000 T skb_release_head_state\nffffffff81000040 T __dev_queue_xmit\nffffffff81000080 T ip_rcv\n" +
        "ffffffffc0100000 t nh_output\t[vrouter]\nffffffffc0100040 t vr_trap\t[vrouter]\n",
    ),
    filterFunctions: encoder.encode(
      "skb_release_head_state\n__dev_queue_xmit\nip_rcv\nnh_output [vrouter]\nvr_trap [vrouter]\n",
    ),
  };
}

const namesOf = (list: readonly { module: string; name: string }[]): string[] =>
  list.map(({ module, name }) => `${module}:${name}`);

Deno.test("findPacketFunctions() finds those with an address, by a kept survey as by the lists", () => {
  const { kernel, vrouter } = described();
  const modules = [{ module: "vmlinux", btf: kernel }, { module: "vrouter", btf: vrouter }];
  const sources = { modules, leftOut: [], ...symbols() };
  const said: string[] = [];
  const found = findPacketFunctions(sources, (message) => said.push(message));
  assert.deepEqual(namesOf(found), [
    "vmlinux:__dev_queue_xmit",
    "vrouter:nh_output",
    "vmlinux:skb_release_head_state",
  ]);
  assert.equal(found[1]!.address, MODULE);
  assert.ok(said.some((message) => message.startsWith("Does without eth_tx: ")), said.join("\n"));
  const kept = { ...sources, kallsyms: null, filterFunctions: null, survey: surveyed(sources) };
  assert.deepEqual(findPacketFunctions(kept, () => {}), found);
});

Deno.test("describedPacketFunctions() finds those of the BTF, whatever else there is", () => {
  const { kernel, vrouter } = described();
  const found = describedPacketFunctions(kernel, vrouter, assert.fail);
  assert.deepEqual(namesOf(found), [
    "vmlinux:__dev_queue_xmit",
    "vrouter:eth_tx",
    "vrouter:nh_output",
    "vmlinux:skb_release_head_state",
  ]);
  assert.ok(found.every(({ address }) => address === 0n));
});
