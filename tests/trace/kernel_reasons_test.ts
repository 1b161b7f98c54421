import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { coreReasonNamed, coreReasons, KernelReasons } from "../../src/trace/kernel_reasons.ts";
import { BtfWriter } from "../support/btf_writer.ts";

/** As in Linux 6.12, with fewer members. */
function kernelWriter(): BtfWriter {
  const writer = new BtfWriter();
  writer.enum("skb_drop_reason", {
    SKB_NOT_DROPPED_YET: 0,
    SKB_CONSUMED: 1,
    SKB_DROP_REASON_NOT_SPECIFIED: 2,
    SKB_DROP_REASON_NO_SOCKET: 3,
    SKB_DROP_REASON_NETFILTER_DROP: 8,
    SKB_DROP_REASON_SUBSYS_MASK: -65536,
  });
  writer.enum("skb_drop_reason_subsys", {
    SKB_DROP_REASON_SUBSYS_CORE: 0,
    SKB_DROP_REASON_SUBSYS_MAC80211_UNUSABLE: 1,
    SKB_DROP_REASON_SUBSYS_MAC80211_MONITOR: 2,
    SKB_DROP_REASON_SUBSYS_OPENVSWITCH: 3,
    SKB_DROP_REASON_SUBSYS_NUM: 4,
  });
  return writer;
}

const KERNEL = kernelWriter();
const OVS = new BtfWriter(KERNEL);
OVS.enum("ovs_drop_reason", {
  __OVS_DROP_REASON: 0x30000,
  OVS_DROP_LAST_ACTION: 0x30001,
  OVS_DROP_ACTION_ERROR: 0x30002,
});

/** @param modules of which there is BTF; asked for are added to `asked` */
function reasons(
  modules: Readonly<Record<string, BtfWriter>>,
  asked: string[] = [],
): KernelReasons {
  const kernel = Btf.parse(KERNEL.bytes());
  return new KernelReasons(kernel, (module) => {
    asked.push(module);
    const writer = modules[module];
    return writer === undefined ? null : Btf.parse(writer.bytes(), kernel);
  });
}

Deno.test("reasons of the kernel's core are named by its BTF", () => {
  const all = reasons({});
  const lost = { number: 3, name: "SKB_DROP_REASON_NO_SOCKET", label: "NO_SOCKET", class: "lost" };
  assert.deepEqual(all.reason(3), lost);
  assert.equal(all.reason(8).class, "policy");
  assert.deepEqual(all.reason(99), { number: 99, name: "99", label: "99", class: "lost" });
  assert.deepEqual(all.reason(-1), { number: -1, name: "-1", label: "", class: "lost" });
  const names = coreReasons(Btf.parse(KERNEL.bytes()));
  for (const word of ["no-socket", "NO_SOCKET", "skb_drop_reason_no_socket", "no socket"]) {
    assert.equal(coreReasonNamed(names, word), 3, word);
  }
  assert.equal(coreReasonNamed(names, "socket"), undefined);
});

Deno.test("reasons of subsystems are named by their modules' BTF, else by subsystem and number", () => {
  const asked: string[] = [];
  const all = reasons({ openvswitch: OVS }, asked);
  const [error, last] = [all.reason(0x30002), all.reason(0x30001)];
  assert.deepEqual(error, {
    number: 0x30002,
    name: "OVS_DROP_ACTION_ERROR",
    label: "OVS_DROP_ACTION_ERROR",
    class: "lost",
  });
  assert.deepEqual([last.label, last.class], ["OVS_DROP_LAST_ACTION", "policy"]);
  assert.equal(all.reason(0x30077).label, "OPENVSWITCH 119");
  assert.equal(all.reason(0x10005).label, "MAC80211_UNUSABLE 5");
  assert.equal(all.reason(0x20005).label, "MAC80211_MONITOR 5");
  assert.equal(all.reason(0x90005).label, "subsystem 9 5");
  assert.deepEqual(asked, ["openvswitch", "mac80211"]);
});

Deno.test("a subsystem that is built in has its reasons in the kernel's BTF", () => {
  const writer = kernelWriter();
  writer.enum("mac80211_drop_reason", { RX_CONTINUE: 1, RX_DROP_U_MIC_FAIL: 0x10001 });
  const all = new KernelReasons(Btf.parse(writer.bytes()), () => null);
  assert.equal(all.reason(0x10001).label, "RX_DROP_U_MIC_FAIL");
});
