import assert from "node:assert/strict";
import { must, run, settle, Trace } from "./support.ts";
import { pingHeld, policy, statistic, transfer, TUNNELS } from "./traffic.ts";
import { DROP, dropCounters, dropsSince, flows } from "./vrouter.ts";
import { until } from "./until.ts";

// Ids of packets in traces of "--format events", judged by the counters of devices and of vrouter, by
// what ping sent and received, and by each other.

/** A line of the format. */
interface Event {
  readonly event: string;
  readonly function: string | null;
  readonly packet: number | null;
  readonly task: number;
  readonly parent?: number | null;
  readonly header?: string;
}

const SLOTS = 65536;
/** Round trips of the flood. */
const ROUNDS = 300;
/** Functions that free the rest of a packet after its end. */
const FREEING = /^(skb_release_|skb_free_head$|kfree_skbmem$|napi_skb_|sock_\w?free$|tcp_wfree$)/;
/** ICMP ids, by which packets are known. */
const [HELD, BACK] = [77, 55];
/** Functions of vrouter on all paths of the test, and of freeing. */
const ALL = ["linux_*", "vr_*", "nh_*", "eth_*", "lh_*", "pkt_*", "skb_release*", "sock_*free"];
/** Functions that know the vif, before and after vrouter decides on the one to send to. */
const OF_TAP1 = ["linux_rx_handler", "vm_rx", "vr_*", "nh_*", "eth_tx", "linux_*", "skb_release*"];

function start(functions: readonly string[], ...args: string[]): Promise<Trace> {
  return Trace.live("--format", "events", ...args, ...functions.flatMap((glob) => ["-f", glob]));
}

async function stop(trace: Trace): Promise<Event[]> {
  const { code, stdout, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  assert.match(stderr, /; 0 events lost; 0 probe hits missed/);
  assert.doesNotMatch(stderr, /lost from sight|could not be followed/);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Event);
}

/** Ids of the packets that a call of the function is about. */
function idsAt(events: readonly Event[], name: string): Set<number> {
  const calls = events.filter((one) => one.event === "enter" && one.function === name);
  return new Set(calls.map(({ packet }) => known(packet)));
}

function known(packet: number | null | undefined): number {
  assert.ok(typeof packet === "number", "an event without its packet");
  return packet;
}

/** Ids of the echo requests with this ICMP id that were seen without a tunnel. */
function requests(events: readonly Event[], icmp: number): Set<number> {
  // Type and id of ICMP, behind the Ethernet header and an IPv4 header without options.
  const matches = ({ header }: Event): boolean =>
    header?.slice(24, 28) === "0800" && header.slice(46, 48) === "01" &&
    header.slice(68, 70) === "08" && parseInt(header.slice(76, 80), 16) === icmp;
  const packets = events.filter((one) => one.event === "packet" && matches(one));
  return new Set(packets.map(({ packet }) => known(packet)));
}

/** What has been seen of all packets: where each id begins and ends, and what the slot said last. */
function assertLives(events: readonly Event[]): { begun: number; inside: number; gone: number } {
  const ended = new Set<number>();
  const begun = new Set<number>();
  const inSlot = new Map<number, number>();
  let gone = 0;
  for (const { event, packet, function: name, parent } of events) {
    const id = known(packet);
    if (event === "packet" || event === "copied") {
      assert.ok(!begun.has(id), `packet ${id} begins twice`);
      if (event === "copied") {
        assert.ok(begun.has(known(parent)), `packet ${id} is a copy of one that was not seen`);
        assert.notEqual(parent, id);
      }
      const before = inSlot.get(id % SLOTS);
      if (before !== undefined && !ended.has(before)) gone++;
      inSlot.set(id % SLOTS, id);
      begun.add(id);
      continue;
    }
    assert.ok(begun.has(id), `${event} of packet ${id}, which has not begun`);
    if (event === "ended") {
      assert.ok(!ended.has(id), `packet ${id} ends twice`);
      ended.add(id);
    } else if (event === "enter" && ended.has(id)) {
      assert.match(name!, FREEING, `a call of packet ${id} after its end`);
    }
  }
  return { begun: begun.size, inside: begun.size - ended.size - gone, gone };
}

/** Packets that the taps and the fabric have received. */
function received(): number {
  return ["tap1", "tap2", "fab0"].reduce((sum, name) => sum + statistic(name, "rx_packets"), 0);
}

async function pingFrom(namespace: string, to: string, ...args: string[]): Promise<string> {
  const ping = ["ping", "-c", "2", "-i", "0.2", ...args, to];
  return (await run("ip", ["netns", "exec", namespace, ...ping])).stdout;
}

Deno.test("One packet has one id through clones, segments, queues and devices, until it ends", async (test) => {
  await settle();
  await must("sh", TUNNELS);
  try {
    await using all = await start(ALL);
    await using ofTap1 = await start(OF_TAP1, "-i", "tap1");
    const before = received();

    const drops = dropCounters();
    // Nobody answers a broadcast.
    await pingFrom("vm1", "10.1.1.255", "-b", "-W", "1");
    const originals = dropsSince(drops).get(DROP.CLONED_ORIGINAL)!;

    const whole = statistic("tap1", "rx_packets");
    const sent = statistic("fab0", "tx_packets");
    // Both writes are larger than a packet with GSO.
    const size = 2 * 65536;
    assert.equal((await transfer("dd if=/dev/zero bs=64k count=2")).length, size);
    // What segmentation makes of packets, beyond their own number.
    const more = statistic("fab0", "tx_packets") - sent -
      (statistic("tap1", "rx_packets") - whole);

    assert.match(await pingFrom("far", "10.1.1.1"), /, 2 received/);
    assert.match(await pingFrom("vm2", "10.1.1.1", "-e", `${BACK}`), /, 2 received/);

    await policy(1);
    try {
      const { flow, ended } = await pingHeld(HELD, 3, 5);
      assert.equal(flow.held, 3);
      await must("flow", "-f", `${flow.index}`);
      assert.match(await ended, /, 3 received/);
      await must("flow", "-i", `${flow.index}`);
      await until("the end of the flow", () => flows().length === 0);
    } finally {
      await policy(0);
    }

    await must("ip", "netns", "exec", "vm1", "ping", "-q", "-f", "-c", `${ROUNDS}`, "10.1.1.2");
    const packets = received() - before;
    const events = await stop(all);
    const tap1 = await stop(ofTap1);

    await test.step("each begins once, and ends, and only its freeing follows", () => {
      const { begun, inside, gone } = assertLives(events);
      assert.ok(begun > packets);
      assert.equal(gone, 0);
      // Since Linux 6.0, some that TCP has received wait to be freed until their CPU receives again.
      assert.ok(inside <= 16, `${inside} packets have not ended`);
    });

    await test.step("a packet that comes in is a new one, though addresses are few", () => {
      assert.equal(idsAt(events, "linux_rx_handler").size, packets);
      const first = events.filter(({ event }) => event === "packet");
      assert.equal(first.length, packets);
    });

    await test.step("clones of a broadcast", () => {
      const clones = events.filter((one) => one.event === "copied" && one.function === "skb_clone");
      const composite = idsAt(events, "nh_composite_mcast");
      const inside = idsAt(events, "nh_composite_encap");
      assert.equal(composite.size, 2);
      assert.equal(inside.size, 2);
      const ofBroadcasts = clones.filter(({ parent }) =>
        composite.has(parent!) || inside.has(parent!)
      );
      assert.equal(ofBroadcasts.length, originals);
      assert.deepEqual(
        new Set(clones.filter(({ parent }) => composite.has(parent!)).map(({ packet }) => packet)),
        inside,
      );
    });

    await test.step("segments", () => {
      const segments = events.filter((one) =>
        one.event === "copied" && one.function === "skb_segment"
      );
      const cut = new Set(segments.map(({ parent }) => known(parent)));
      assert.ok(more > 30, `${more}`);
      assert.equal(segments.length - cut.size, more);
      const sentBy = idsAt(events, "linux_xmit");
      for (const { packet } of segments) assert.ok(sentBy.has(known(packet)));
      for (const id of cut) assert.ok(idsAt(events, "linux_gso_xmit").has(id));
    });

    await test.step("packets on hold, until the work queue sends them", () => {
      const held = requests(events, HELD);
      assert.equal(held.size, 3);
      for (const name of ["linux_rx_handler", "vr_reinject_packet", "linux_xmit"]) {
        const ids = idsAt(events, name);
        for (const id of held) assert.ok(ids.has(id), `${name} of packet ${id}`);
      }
      assert.deepEqual(idsAt(events, "vr_reinject_packet"), held);
    });

    await test.step("a packet from the fabric, on pkt2 and pkt3", () => {
      const merged = idsAt(events, "pkt_gro_dev_rx_handler");
      assert.ok(merged.size >= 2);
      for (const name of ["eth_rx", "pkt_rps_dev_rx_handler", "linux_xmit"]) {
        const ids = idsAt(events, name);
        for (const id of merged) assert.ok(ids.has(id), `${name} of packet ${id}`);
      }
    });

    await test.step("-i: from the call that says so to the end", () => {
      assertLives(tap1);
      const back = requests(tap1, BACK);
      assert.equal(back.size, 2);
      for (const id of back) {
        const own = tap1.filter(({ packet }) => packet === id);
        const names = own.filter(({ event }) => event === "enter").map((one) => one.function);
        assert.ok(!names.includes("vm_rx"), `${names}`);
        for (const name of ["eth_tx", "linux_if_tx", "linux_xmit"]) {
          assert.ok(names.includes(name), `${name} is not among ${names}`);
        }
        assert.equal(own.filter(({ event }) => event === "ended").length, 1);
      }
      // The same packets have been in vrouter before.
      const entered = idsAt(events, "linux_rx_handler");
      for (const id of requests(events, BACK)) assert.ok(entered.has(id));
    });
  } finally {
    await must("sh", TUNNELS, "undo");
  }
});
