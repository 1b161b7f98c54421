import assert from "node:assert/strict";
import type { NetworkLink } from "../../src/sys/network.ts";
import { ownDevices } from "../../src/vrouter/own_devices.ts";
import type { SelectedInterface } from "../../src/vrouter/selected_interface.ts";
import { vif } from "../support/vifs.ts";

const INITIAL = 4026531840;
const VOID = 0xffff;
const ETHER = 1;

const FAB0 = vif(0, "fab0", { ifindex: 10, type: "physical" });
const FAB1 = vif(7, "fab1", { ifindex: 11, type: "physical" });
const TAP1 = vif(1, "tap1", { ifindex: 12 });
const PKT1 = vif(4354, "pkt1", { ifindex: 2, type: "stats" });
const PKT3 = vif(4353, "pkt3", { ifindex: 3, type: "stats" });
const VIFS = [FAB0, FAB1, TAP1, PKT1, PKT3];

const LINKS: NetworkLink[] = [
  { name: "lo", ifindex: 1, hardware: 772 },
  { name: "pkt1", ifindex: 2, hardware: VOID },
  { name: "pkt3", ifindex: 3, hardware: VOID },
  { name: "pkt2", ifindex: 4, hardware: VOID },
  { name: "fab0", ifindex: 10, hardware: ETHER },
];

function selected({ ifindex, index }: { ifindex: number; index: number }): SelectedInterface {
  return { netns: INITIAL, ifindex, vifIndex: index };
}

function own(
  choice: readonly SelectedInterface[],
  vifs = VIFS,
  vrouterDevices = LINKS,
): SelectedInterface[] {
  const namespaces = { current: 4026532222, initial: INITIAL };
  return ownDevices(choice, { vifs, vrouterDevices, namespaces });
}

/** pkt2, pkt1 and pkt3, not shared with vifs that are not selected. */
const WHOLE = [4, 2, 3].map((ifindex) => ({ netns: INITIAL, ifindex, vifIndex: null }));

Deno.test("ownDevices() are pkt1, pkt2 and pkt3 where all physical vifs are selected", () => {
  assert.deepEqual(own([selected(FAB0)], [FAB0, TAP1, PKT1, PKT3]), WHOLE);
  assert.deepEqual(own([selected(FAB1), selected(FAB0)]), WHOLE);
});

Deno.test("ownDevices() are shared where some physical vif is not selected", () => {
  const [rps, ...gro] = WHOLE;
  assert.deepEqual(own([selected(FAB0), selected(TAP1)]), [
    { ...rps, shared: "rps" },
    ...gro.map((one) => ({ ...one, shared: "gro" })),
  ]);
});

Deno.test("ownDevices() are none where no physical vif is selected, or there is none", () => {
  assert.deepEqual(own([selected(TAP1)]), []);
  assert.deepEqual(own([selected(TAP1)], [TAP1, PKT1, PKT3]), []);
  const device = { netns: INITIAL, ifindex: 10, vifIndex: null };
  assert.deepEqual(
    ownDevices([device], {
      vifs: null,
      vrouterDevices: LINKS,
      namespaces: { current: INITIAL, initial: INITIAL },
    }),
    [],
  );
});

Deno.test("ownDevices() leaves out what is selected itself: all packets on that are wanted", () => {
  const pkt2 = { netns: INITIAL, ifindex: 4, vifIndex: null };
  assert.deepEqual(
    own([selected(FAB0), pkt2, selected(PKT1)]).map(({ ifindex, shared }) => [ifindex, shared]),
    [[3, "gro"]],
  );
  // The device with the same ifindex in another namespace is a different one.
  assert.equal(own([selected(FAB0), { ...pkt2, netns: 4026532222 }]).length, 3);
});

Deno.test("ownDevices() finds pkt2 by its hardware, whatever its name", () => {
  const found = (links: NetworkLink[]): number[] =>
    own([selected(FAB0)], [FAB0], links).map(({ ifindex }) => ifindex);
  const pkt2 = { name: "pkt2", ifindex: 4, hardware: VOID };
  const other = { name: "odd0", ifindex: 5, hardware: VOID };
  assert.deepEqual(found([other, pkt2]), [4]);
  assert.deepEqual(found([{ ...pkt2, name: "renamed" }]), [4]);
  // Another device has the name.
  assert.deepEqual(found([{ ...pkt2, hardware: ETHER }, { ...other, name: "renamed" }]), [5]);
  assert.deepEqual(found([{ ...pkt2, hardware: ETHER }]), []);
  assert.deepEqual(found([{ ...pkt2, name: "renamed" }, other]), []);
});

Deno.test("ownDevices() leaves out a vif of vrouter's own that has no device", () => {
  const bare = { ...PKT1, ifindex: 0 };
  assert.deepEqual(own([selected(FAB0)], [FAB0, bare], []), []);
});
