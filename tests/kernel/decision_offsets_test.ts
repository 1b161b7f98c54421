import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { decisionOffsets } from "../../src/kernel/decision_offsets.ts";
import { BtfWriter } from "../support/btf_writer.ts";

/** What vr_nexthop, vr_forwarding_md and vr_flow_entry may look like. */
function module(isArray: boolean): Btf {
  const writer = new BtfWriter();
  const [u8, u32] = [writer.int("unsigned char", 1), writer.int("unsigned int", 4)];
  const s8 = writer.int("signed char", 1, true);
  const device = writer.pointer(writer.struct("vr_interface", 8));
  const tunnel = writer.struct("", 8, [["tun_sip", u32, 0], ["tun_dip", u32, 32]]);
  const union = writer.union("", 32, [["nh_encap", u32, 0], ["nh_udp_tun", tunnel, 0]]);
  writer.struct("vr_nexthop", 64, [
    ["nh_type", u8, 0],
    ["nh_u", union, 192],
    isArray ? ["nh_dev_arr", writer.array(device, 3), 448] : ["nh_dev", device, 448],
  ]);
  writer.struct("vr_forwarding_md", 8, [["fmd_ecmp_nh_index", s8, 8]]);
  const common = writer.struct("vr_common_flow", 16, [["ip_nh_id", u32, 64]]);
  const key = writer.union("", 16, [["ip_key", common, 0]]);
  const flow = writer.struct("vr_flow", 17, [["key_u", key, 0]]);
  writer.struct("vr_flow_entry", 64, [["fe_key", flow, 24]]);
  return Btf.parse(writer.bytes());
}

Deno.test("decisionOffsets() finds members in unions and structs inside, and whether they have a sign", () => {
  const places = decisionOffsets(module(true));
  assert.deepEqual(places.nh_type, { offset: 0, bytes: 1 });
  assert.deepEqual(places.tun_sip, { offset: 24, bytes: 4 });
  assert.deepEqual(places.tun_dip, { offset: 28, bytes: 4 });
  assert.deepEqual(places.fmd_ecmp_nh_index, { offset: 1, bytes: 1, isSigned: true });
  assert.deepEqual(places.fe_key_nh_id, { offset: 11, bytes: 4 });
  assert.equal(places.nh_flags, undefined);
  assert.equal(places.rtr_prefix, undefined);
});

Deno.test("decisionOffsets() takes the device of a nexthop from its list, or alone", () => {
  for (const isArray of [true, false]) {
    assert.deepEqual(decisionOffsets(module(isArray)).nh_dev, { offset: 56, bytes: 8 });
  }
});
