import assert from "node:assert/strict";
import { vifsNamed } from "../../src/vrouter/vif_names.ts";
import { isFailure } from "../support/failures.ts";
import { vif } from "../support/vifs.ts";

const MAC = Uint8Array.of(2, 0, 0, 0, 1, 0xa);
const VIFS = [
  vif(0, "fab0", { device: "bond0" }),
  vif(1, "tap1", { device: "tap1", addresses: [MAC, Uint8Array.of(10, 1, 1, 1)] }),
  vif(4, "tap4", {
    addresses: [Uint8Array.of(10, 1, 1, 1), Uint8Array.fromHex("fd".padEnd(32, "0"))],
  }),
];

Deno.test("vifsNamed() knows a vif by its number, name, device and addresses", () => {
  const cases: Readonly<Record<string, readonly number[]>> = {
    "vif0/0": [0],
    "vif0/4": [4],
    fab0: [0],
    bond0: [0],
    "02:00:00:00:01:0a": [1],
    "2:0:0:0:1:A": [1],
    // Addresses of tenants may overlap.
    "10.1.1.1": [1, 4],
    "fd00::": [4],
  };
  for (const [name, indexes] of Object.entries(cases)) {
    assert.deepEqual(vifsNamed(name, VIFS), indexes, name);
  }
});

Deno.test("vifsNamed() says which vifs there are where none is meant", () => {
  const message =
    /no vif has this .*; there are vif0\/0 \(fab0\), vif0\/1 \(tap1\), vif0\/4 \(tap4\)$/;
  for (const name of ["vif0/2", "tap2", "10.1.1.2", "02:00:00:00:01:0b", "vif1/1"]) {
    assert.throws(() => vifsNamed(name, VIFS), isFailure("interfaces", message), name);
  }
  assert.throws(() => vifsNamed("tap1", []), /there are none/);
});

Deno.test("vifsNamed() knows each vif of a recording once, however often it came", () => {
  const again = [...VIFS, vif(1, "tap1", { device: "tap1" }), vif(0, "fab0")];
  assert.deepEqual(vifsNamed("tap1", again), [1]);
  const all = /; there are vif0\/0 \(fab0\), vif0\/1 \(tap1\), vif0\/4 \(tap4\)$/;
  assert.throws(() => vifsNamed("tap2", again), isFailure("interfaces", all));
});
