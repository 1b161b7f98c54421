import assert from "node:assert/strict";
import { isDestination, isLaterFragment } from "../../src/packet/recorded_headers.ts";
import { hex } from "../support/hex.ts";

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

Deno.test("isLaterFragment() looks at the packet in the tunnel, if there is one", () => {
  const ip = (fragment: string): string =>
    `45000054abcd${fragment}40010000` + "0a010105" + "0a010106";
  const ip6 = (next: string, more: string): string =>
    MACS + "86dd" + `600000000008${next}40` + "20010db80000000000000000000000aa".repeat(2) + more;
  const cases: [frame: string, is: boolean | null][] = [
    [MACS + "0800" + ip("0000"), false],
    [MACS + "0800" + ip("4000"), false],
    [MACS + "0800" + ip("2000"), false],
    [MACS + "0800" + ip("20b9"), true],
    [MACS + "0800" + ip("00b9"), true],
    [outer("2f", "00008847" + "00010140" + ip("00b9")), true],
    [
      outer("11", "1234" + "12b5" + "00000000" + "0800000000000500" + MACS + "0800" + ip("2000")),
      false,
    ],
    [ip6("3a", "80000000"), false],
    [ip6("2c", "3a000001" + "00000001"), false],
    [ip6("2c", "3a0005a9" + "00000001"), true],
    [MACS + "0806" + "0001080006040001", null],
    [MACS + "0800" + "45000054", null],
    [ip6("2c", ""), null],
    ["", null],
  ];
  for (const [frame, is] of cases) assert.equal(isLaterFragment(hex(frame)), is, frame);
});
