import assert from "node:assert/strict";
import { Failure } from "../../src/sys/failure.ts";
import type { Vif } from "../../src/vrouter/interfaces.ts";
import {
  type AvailableInterfaces,
  type SelectedInterface,
  selectFromSystem,
  selectInterfaces,
} from "../../src/vrouter/selection.ts";
import { isFailure } from "../support/failures.ts";

const INITIAL = 4026531840;
const OTHER = 4026532222;

function vif(index: number, name: string, ifindex: number): Vif {
  const counters = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0, drops: 0 };
  const more = { type: "virtual", vrf: 0, flags: 0, addresses: [] };
  return { index, name, ifindex, device: null, ...more, ...counters };
}

/** fab0, tap1, tap2 and a vif without a device; their devices, and lo and eth1. */
const HOST: AvailableInterfaces = {
  vifs: [vif(0, "fab0", 2), vif(1, "tap1", 5), vif(2, "tap2", 6), vif(9, "nodev", 0)],
  devices: [
    { name: "lo", ifindex: 1 },
    { name: "bond0", ifindex: 2 },
    { name: "tap1", ifindex: 5 },
    { name: "tap2", ifindex: 6 },
    { name: "eth1", ifindex: 7 },
  ],
  vrouterDevices: [],
  namespaces: { current: INITIAL, initial: INITIAL },
};

const WITHOUT_VROUTER: AvailableInterfaces = { ...HOST, vifs: null };

/** The same, seen from another network namespace, which also has a device called tap1. */
const ELSEWHERE: AvailableInterfaces = {
  ...HOST,
  devices: [{ name: "lo", ifindex: 1 }, { name: "tap1", ifindex: 5 }],
  namespaces: { current: OTHER, initial: INITIAL },
};

function selected(netns: number, ifindex: number, vifIndex: number | null): SelectedInterface {
  return { netns, ifindex, vifIndex };
}

function failureOf(names: string[], available: AvailableInterfaces): string {
  try {
    selectInterfaces(names, available);
  } catch (error) {
    assert(error instanceof Failure, String(error));
    assert.equal(error.kind, "interfaces");
    return error.message;
  }
  throw new assert.AssertionError({ message: "selectInterfaces() did not fail" });
}

Deno.test("selectInterfaces() selects all vifs without names", () => {
  const expected = [
    selected(INITIAL, 2, 0),
    selected(INITIAL, 5, 1),
    selected(INITIAL, 6, 2),
    selected(INITIAL, 0, 9),
  ];
  assert.deepEqual(selectInterfaces([], HOST), expected);
  assert.deepEqual(selectInterfaces([], ELSEWHERE), expected);
});

Deno.test("selectInterfaces() selects all devices, lo too, without names and without vrouter", () => {
  assert.deepEqual(
    selectInterfaces([], WITHOUT_VROUTER),
    [1, 2, 5, 6, 7].map((ifindex) => selected(INITIAL, ifindex, null)),
  );
});

Deno.test("selectInterfaces() takes a vif by name, by vif0/N, and by its device's name", () => {
  assert.deepEqual(selectInterfaces(["tap1"], HOST), [selected(INITIAL, 5, 1)]);
  assert.deepEqual(selectInterfaces(["vif0/0"], HOST), [selected(INITIAL, 2, 0)]);
  assert.deepEqual(selectInterfaces(["bond0"], HOST), [selected(INITIAL, 2, 0)]);
});

Deno.test("selectInterfaces() takes a device that is no vif", () => {
  assert.deepEqual(selectInterfaces(["eth1"], HOST), [selected(INITIAL, 7, null)]);
  assert.deepEqual(selectInterfaces(["tap1"], WITHOUT_VROUTER), [selected(INITIAL, 5, null)]);
});

Deno.test("selectInterfaces() takes a vif without device", () => {
  assert.deepEqual(selectInterfaces(["nodev"], HOST), [selected(INITIAL, 0, 9)]);
});

Deno.test("selectInterfaces() puts vifs into the initial namespace, devices into its own", () => {
  assert.deepEqual(selectInterfaces(["fab0", "lo"], ELSEWHERE), [
    selected(INITIAL, 2, 0),
    selected(OTHER, 1, null),
  ]);
});

Deno.test("selectInterfaces() takes both when a name is a vif's and another device's", () => {
  assert.deepEqual(selectInterfaces(["tap1"], ELSEWHERE), [
    selected(INITIAL, 5, 1),
    selected(OTHER, 5, null),
  ]);
  const renamed = { ...HOST, devices: [{ name: "tap1", ifindex: 8 }] };
  assert.deepEqual(selectInterfaces(["tap1"], renamed), [
    selected(INITIAL, 5, 1),
    selected(INITIAL, 8, null),
  ]);
});

Deno.test("selectInterfaces() takes every vif of one name, and every vif on one device", () => {
  const vifs = [vif(3, "tap3", 11), vif(4, "tap3", 12), vif(5, "tap3.100", 11)];
  const available = { ...HOST, vifs, devices: [{ name: "dev", ifindex: 11 }] };
  assert.deepEqual(selectInterfaces(["tap3"], available), [
    selected(INITIAL, 11, 3),
    selected(INITIAL, 12, 4),
  ]);
  assert.deepEqual(selectInterfaces(["dev"], available), [
    selected(INITIAL, 11, 3),
    selected(INITIAL, 11, 5),
  ]);
});

Deno.test("selectInterfaces() takes an interface once that is named twice", () => {
  assert.deepEqual(selectInterfaces(["tap1", "vif0/1", "tap1"], HOST), [selected(INITIAL, 5, 1)]);
});

Deno.test("selectInterfaces() offers near names for an unknown one", () => {
  assert.equal(
    failureOf(["tap1", "tap3"], HOST),
    'Cannot trace interface "tap3": no vif or network device has this name; ' +
      'did you mean "tap1" or "tap2"?',
  );
  assert.match(failureOf(["vif0/3"], HOST), /did you mean "vif0\/0" or "vif0\/1" or "vif0\/2"\?$/);
  assert.match(failureOf(["node"], HOST), /did you mean "nodev"\?$/);
  assert.match(
    failureOf(["ETH1"], WITHOUT_VROUTER),
    /: no network device has this name; there are/,
  );
});

Deno.test("selectInterfaces() lists what there is, up to ten names, for a name unlike any", () => {
  assert.equal(
    failureOf(["wlan-uplink"], WITHOUT_VROUTER),
    'Cannot trace interface "wlan-uplink": no network device has this name; ' +
      "there are lo, bond0, tap1, tap2, eth1",
  );
  const devices = Array.from({ length: 500 }, (_, index) => ({
    name: `veth${index}`,
    ifindex: index + 1,
  }));
  assert.match(
    failureOf(["wlan-uplink"], { ...WITHOUT_VROUTER, devices }),
    /there are veth0, veth1, .*veth9 and more$/,
  );
});

Deno.test("selectInterfaces() rejects vif0/N without vrouter, and tells why", () => {
  assert.equal(
    failureOf(["vif0/1"], WITHOUT_VROUTER),
    'Cannot trace interface "vif0/1": it is a vif, and --no-vrouter disables the vrouter module',
  );
});

Deno.test("selectInterfaces() rejects empty, overlong and hostile names", () => {
  assert.match(failureOf([""], HOST), /^Cannot trace interface "": no vif/);
  assert.match(failureOf(["x".repeat(100_000)], HOST), /no vif or network device has this name/);
  assert.match(failureOf(["\x1b[2Jtap"], HOST), /^Cannot trace interface "\\x1b\[2Jtap": no vif/);
  const hostile = { ...HOST, vifs: [vif(0, "bad\x1b]0;x\x07", 1)], devices: [] };
  assert.match(failureOf(["other"], hostile), /there are bad\\x1b\]0;x\\x07, vif0\/0$/);
});

Deno.test("selectInterfaces() fails when there is nothing to select", () => {
  const nothing = { ...HOST, vifs: [], devices: [] };
  assert.match(failureOf([], nothing), /the vrouter module has no vifs/);
  assert.match(failureOf([], { ...nothing, vifs: null }), /has no network devices$/);
  assert.equal(
    failureOf(["tap1"], nothing),
    'Cannot trace interface "tap1": no vif or network device has this name',
  );
});

Deno.test("selectInterfaces() selects no vif whose namespace is not known, and names the way out", () => {
  const available = {
    vifs: [vif(1, "tap1", 7)],
    devices: [{ name: "eth0", ifindex: 2 }],
    vrouterDevices: [],
    namespaces: { current: 5, initial: null },
  };
  for (const names of [[], ["tap1"], ["vif0/1"]]) {
    assert.throws(
      () => selectInterfaces(names, available),
      isFailure("network", /^Cannot trace vifs: .* name it with --netns /),
    );
  }
  assert.deepEqual(selectInterfaces(["eth0"], available), [selected(5, 2, null)]);
});

Deno.test("selectFromSystem() selects the loopback device of this process's namespace", () => {
  const netns = Number(/\d+/.exec(Deno.readLinkSync("/proc/self/ns/net"))![0]);
  assert.deepEqual(selectFromSystem(["lo"], false, { current: netns, initial: null }), [
    selected(netns, 1, null),
  ]);
});
