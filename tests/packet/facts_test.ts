import assert from "node:assert/strict";
import { decodePacket } from "../../src/packet/decode.ts";
import {
  isDestination,
  isIpv6,
  isLaterFragment,
  isPlainDestination,
  isSource,
} from "../../src/packet/facts.ts";
import { hex } from "../support/hex.ts";

const MACS = "020000000002" + "020000000001";

/** Of 10.1.1.5 to 10.1.1.6. @param fragment flags and offset */
function ip(fragment = "0000"): string {
  return `45000054abcd${fragment}40010000` + "0a010105" + "0a010106" + "0800000000000000";
}

/** From 172.16.0.1 to 172.16.0.2, by GRE (47) or UDP (17). */
function outer(protocol: string, payload: string): string {
  return "0a000000000b0a000000000a" + "0800" + `450000a40000400040${protocol}0000` +
    "ac100001" + "ac100002" + payload;
}

const VXLAN = "123412b500800000" + "0800000000000500";
const ARP = MACS + "0806" + "0001080006040001" + "020000000001" + "0a010105" + "000000000000" +
  "0a010106";

Deno.test("isDestination() looks at the frame, and into its tunnel", () => {
  const frame = MACS + "0800" + ip();
  const cases: [frame: string, address: string, is: boolean][] = [
    [frame, "02:00:00:00:00:02", true],
    [frame, "02:00:00:00:00:01", false],
    [frame, "10.1.1.6", true],
    [frame, "10.1.1.5", false],
    [MACS + "81000064" + "0800" + ip(), "10.1.1.6", true],
    [ARP, "10.1.1.6", true],
    [ARP, "10.1.1.5", false],
    [outer("11", VXLAN + frame), "10.1.1.6", true],
    [outer("11", VXLAN + frame), "172.16.0.2", true],
    [outer("11", VXLAN + frame), "02:00:00:00:00:02", true],
    [outer("2f", "00008847" + "00010140" + ip()), "10.1.1.6", true],
    [outer("2f", "00008847" + "00010140" + ip()), "10.1.1.5", false],
    // No header of the packet's own.
    ["000000000000" + "000000000000" + "0800" + ip(), "00:00:00:00:00:00", false],
    [frame.slice(0, 2 * 30), "10.1.1.6", false],
    ["", "10.1.1.6", false],
  ];
  for (const [bytes, address, is] of cases) {
    const packet = decodePacket(hex(bytes), 200);
    assert.equal(isDestination(packet, address), is, `${address} of ${bytes}`);
  }
});

Deno.test("isSource() looks at the frame, and into its tunnel", () => {
  const frame = MACS + "0800" + ip();
  const cases: [frame: string, address: string, is: boolean][] = [
    [frame, "02:00:00:00:00:01", true],
    [frame, "02:00:00:00:00:02", false],
    [frame, "10.1.1.5", true],
    [frame, "10.1.1.6", false],
    [ARP, "10.1.1.5", true],
    [ARP, "02:00:00:00:00:01", true],
    [ARP, "10.1.1.6", false],
    [outer("11", VXLAN + frame), "10.1.1.5", true],
    [outer("11", VXLAN + frame), "172.16.0.1", true],
    ["000000000000" + "000000000000" + "0800" + ip(), "00:00:00:00:00:00", false],
    ["", "10.1.1.5", false],
  ];
  for (const [bytes, address, is] of cases) {
    const packet = decodePacket(hex(bytes), 200);
    assert.equal(isSource(packet, address), is, `${address} of ${bytes}`);
  }
});

Deno.test("isPlainDestination() tells what needs no decoding", () => {
  const frame = MACS + "0800" + ip();
  const cases: [frame: string, address: string, is: boolean][] = [
    [frame, "020000000002", true],
    [frame, "020000000001", false],
    [frame, "0a010106", true],
    [frame, "0a010105", false],
    [MACS + "81000064" + "0800" + ip(), "0a010106", false],
    [frame, "20010db8000000000000000000000001", false],
    [frame.slice(0, 2 * 33), "0a010106", false],
    ["", "0a010106", false],
  ];
  for (const [bytes, address, is] of cases) {
    assert.equal(isPlainDestination(hex(bytes), hex(address)), is, `${address} of ${bytes}`);
  }
});

Deno.test("isLaterFragment() looks at the packet in the tunnel, if there is one", () => {
  const cases: [frame: string, is: boolean | null][] = [
    [MACS + "0800" + ip(), false],
    [MACS + "0800" + ip("4000"), false],
    [MACS + "0800" + ip("2000"), false],
    [MACS + "0800" + ip("20b9"), true],
    [MACS + "0800" + ip("00b9"), true],
    [outer("2f", "00008847" + "00010140" + ip("00b9")), true],
    [outer("11", VXLAN + MACS + "0800" + ip("2000")), false],
    [ARP, null],
    [MACS + "0800" + "45000054", null],
    ["", null],
  ];
  for (const [bytes, is] of cases) {
    assert.equal(isLaterFragment(decodePacket(hex(bytes), 200)), is, bytes);
  }
});

Deno.test("isIpv6() looks at the packet in the tunnel, if there is one", () => {
  const ipv6 = "60000000" + "0000" + "3b40" + "00".repeat(32);
  const cases: [frame: string, is: boolean | null][] = [
    [MACS + "0800" + ip(), false],
    [MACS + "86dd" + ipv6, true],
    [outer("2f", "00008847" + "00010140" + ipv6), true],
    [ARP, null],
    ["", null],
  ];
  for (const [bytes, is] of cases) {
    assert.equal(isIpv6(decodePacket(hex(bytes), 200)), is, bytes);
  }
});
