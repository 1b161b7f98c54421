import assert from "node:assert/strict";
import { address } from "../../src/packet/address.ts";
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
