import assert from "node:assert/strict";
import { address } from "../../src/packet/address.ts";
import { isDestination } from "../../src/packet/destination.ts";
import { hex } from "../support/hex.ts";

Deno.test("address() writes MAC, IPv4 and IPv6 addresses", () => {
  assert.equal(address(hex("0200000a0b0c")), "02:00:00:0a:0b:0c");
  assert.equal(address(hex("0a0101ff")), "10.1.1.255");
  const v6: [string, string][] = [
    ["20010db8000000000000000000000001", "2001:db8::1"],
    ["00000000000000000000000000000000", "::"],
    ["fe800000000000000000000000000000", "fe80::"],
    ["20010db8000000010000000000000001", "2001:db8:0:1::1"],
    ["20010db8000100010001000000010001", "2001:db8:1:1:1:0:1:1"],
    ["00010002000300040005000600070008", "1:2:3:4:5:6:7:8"],
    ["00000000000100000000000200000000", "::1:0:0:2:0:0"],
  ];
  for (const [bytes, text] of v6) assert.equal(address(hex(bytes)), text);
});

const MACS = "020000000002" + "020000000001";
const IPV4 = "450000540000400040010000" + "0a010105" + "0a010106";
const ICMP = "0800000000000000";
const INNER = MACS + "0800" + IPV4 + ICMP;
/** From 172.16.0.1 to 172.16.0.2. */
function outer(protocol: string, payload: string): string {
  return "0a000000000b0a000000000a" + "0800" + `450000540000400040${protocol}0000ac100001ac100002` +
    payload;
}
Deno.test("isDestination() looks at the frame, and into its tunnel", () => {
  const cases: [frame: string, address: string, is: boolean][] = [
    [INNER, "020000000002", true],
    [INNER, "020000000001", false],
    [INNER, "0a010106", true],
    [INNER, "0a010105", false],
    [MACS + "81000064" + "0800" + IPV4, "0a010106", true],
    // ARP for 10.1.1.6.
    [
      MACS + "0806" + "0001080006040001" + "0200000000010a010105" + "0000000000000a010106",
      "0a010106",
      true,
    ],
    [
      MACS + "0806" + "0001080006040001" + "0200000000010a010105" + "0000000000000a010106",
      "0a010105",
      false,
    ],
    // VXLAN, MPLS over UDP with Ethernet, MPLS over GRE with IP.
    [outer("11", "1234" + "12b5" + "00000000" + "0800000000000500" + INNER), "0a010106", true],
    [outer("11", "1234" + "12b5" + "00000000" + "0800000000000500" + INNER), "ac100002", true],
    [outer("11", "1234" + "12b5" + "00000000" + "0800000000000500" + INNER), "020000000002", true],
    [outer("11", "1234" + "19eb" + "00000000" + "00010140" + INNER), "020000000002", true],
    [outer("2f", "00008847" + "00010140" + IPV4), "0a010106", true],
    [outer("2f", "20008847" + "00000001" + "00010040" + "00020140" + IPV4), "0a010106", true],
    [outer("2f", "00008847" + "00010140" + IPV4), "0a010105", false],
    [outer("11", "1234" + "0035" + "00000000" + INNER), "0a010106", false],
    // Cut off.
    [INNER.slice(0, 2 * 33), "0a010106", false],
    ["", "0a010106", false],
    ["", "020000000002", false],
  ];
  for (const [frame, of, is] of cases) {
    assert.equal(isDestination(hex(frame), hex(of)), is, `${of} of ${frame}`);
  }
  const destination = "20010db80000000000000000000000bb";
  const v6 = MACS + "86dd" + "6000000000083a40" + "20010db80000000000000000000000aa" + destination;
  assert.ok(isDestination(hex(v6), hex(destination)));
  assert.ok(!isDestination(hex(v6), hex("20010db80000000000000000000000aa")));
});
