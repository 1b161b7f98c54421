import assert from "node:assert/strict";
import { Failure } from "../../src/sys/failure.ts";
import { concatenate, parseMessages } from "../../src/sys/netlink.ts";
import { sandeshOf } from "../../src/vrouter/genetlink.ts";
import { NexthopCache } from "../../src/vrouter/nexthop_cache.ts";
import { nexthopFlags, nexthopKind } from "../../src/vrouter/nexthop_words.ts";
import { listNexthops, type Nexthop, NH } from "../../src/vrouter/nexthops.ts";
import { decodeMessages, encodeMessages } from "../../src/vrouter/sandesh.ts";
import { isFailure } from "../support/failures.ts";
import { attack } from "../support/hostile.ts";
import {
  answerOf,
  FAMILY_ID,
  familyAnswer,
  moduleMessage,
  PORT,
  response,
  ScriptedTransport,
} from "./fake_module.ts";
import { vector } from "./vectors.ts";

/** The module's answers to `nh --list`, as captured: a page per list of the datagrams' numbers. */
function captured(name: string, ...pages: readonly number[][]): ScriptedTransport {
  const datagram = (number: number): Uint8Array =>
    vector(`${name}-${String(number).padStart(2, "0")}-rsp`);
  const family = [vector("nh_list-01-rsp")];
  return new ScriptedTransport([family, ...pages.map((page) => page.map(datagram))]);
}

function listed(): Nexthop[] {
  return listNexthops(captured("nh_list", [3, 4, 5]));
}

Deno.test("listNexthops() reads what nh --list printed", () => {
  const found = new Map(listed().map((nexthop) => [nexthop.id, nexthop]));
  assert.deepEqual([...found.keys()], [0, 11, 12, 21, 22, 30, 31, 40, 41, 50, 51, 55, 60, 61, 70]);
  assert.deepEqual(found.get(11), {
    id: 11,
    type: NH.ENCAP,
    flags: 1,
    family: 7,
    vrf: 1,
    oif: 1,
    tunnel: null,
    members: [],
  });
  const tunnel = found.get(50)!;
  assert.deepEqual([tunnel.type, tunnel.oif], [NH.TUNNEL, 0]);
  assert.deepEqual(tunnel.tunnel, {
    source: Uint8Array.of(172, 16, 0, 1),
    destination: Uint8Array.of(172, 16, 0, 2),
  });
  assert.deepEqual(found.get(40)!.members, [{ id: 11, label: 0 }, { id: 12, label: 0 }]);
  // nh prints no Oif of a composite, though the module sends 0.
  assert.equal(found.get(40)!.oif, null);
  assert.equal(found.get(31)!.oif, 3);
});

Deno.test("listNexthops() asks for the next page from the last nexthop on, as nh does", () => {
  const pages = [[3, 4, 5], [7, 8, 9], [11, 12, 13], [15, 16, 17]];
  const transport = captured("nh_list_long", ...pages);
  const ids = listNexthops(transport).map(({ id }) => id);
  assert.deepEqual(ids, ids.toSorted((a, b) => a - b));
  assert.ok(ids.length > 48, String(ids.length));
  const marker = (at: number): unknown => {
    const [request] = decodeMessages(sandeshOf(transport.sent[at]!.payload));
    const field = request!.fields.find(({ id }) => id === 15)!.value;
    return "value" in field ? field.value : undefined;
  };
  assert.equal(marker(1), -1);
  assert.equal(marker(2), 101);
});

Deno.test("The words of a nexthop are those that nh --list printed", () => {
  const said = listed().map((nexthop) =>
    `${nexthop.id} ${nexthopKind(nexthop)}: ${nexthopFlags(nexthop).join(", ")}`
  );
  assert.deepEqual(said, [
    "0 Drop: Valid",
    "11 Encap: Valid",
    "12 Encap: Valid",
    "21 Encap: Valid",
    "22 Encap: Valid",
    "30 L2 Receive: Valid",
    "31 Receive: Valid",
    "40 Composite Encap: Valid, Encap",
    "41 Composite Multicast: Valid, Multicast",
    "50 Tunnel Vxlan: Valid, Vxlan",
    "51 Tunnel MPLSoGRE: Valid, MPLSoGRE",
    "55 Vrf_Translate: Valid",
    "60 Receive: Valid",
    "61 Encap: Valid",
    "70 Drop: Valid",
  ]);
  // Bits of tunnels mean nothing for others, and the other way round.
  assert.equal(nexthopKind({ type: NH.ENCAP, flags: 0x4c9 }), "Encap");
  assert.equal(nexthopKind({ type: NH.TUNNEL, flags: 0x441 }), "Tunnel MPLSoUDP");
  assert.equal(nexthopKind({ type: NH.COMPOSITE, flags: 0x441 }), "Composite Ecmp");
  assert.equal(nexthopKind({ type: 77, flags: 1 }), "77");
});

Deno.test("listNexthops() refuses a dump that goes in circles, or announces more than it has", () => {
  const page = decodeMessages(sandeshOf(parseMessages(vector("nh_list-04-rsp"))[0]!.payload));
  const endless = answerOf([response(15 | 0x40000000)], page);
  const circles = new ScriptedTransport([familyAnswer(), endless, endless]);
  assert.throws(() => listNexthops(circles), isFailure("nexthops", /nexthop 0 follows nexthop 70/));
  const short = new ScriptedTransport([familyAnswer(), answerOf([response(16)], page)]);
  assert.throws(
    () => listNexthops(short),
    isFailure("nexthops", /announces 16 nexthops but has 15/),
  );
});

Deno.test("listNexthops() leaves out nexthops that are larger than a page, but not those behind", () => {
  const page = decodeMessages(sandeshOf(parseMessages(vector("nh_list-04-rsp"))[0]!.payload));
  const nothing = answerOf([response(0x40000000)]);
  const rest = answerOf([response(14)], page.slice(1));
  const ids = listNexthops(new ScriptedTransport([familyAnswer(), nothing, nothing, rest]))
    .map(({ id }) => id);
  assert.deepEqual(ids, [11, 12, 21, 22, 30, 31, 40, 41, 50, 51, 55, 60, 61, 70]);
  const endless = new ScriptedTransport([familyAnswer(), ...new Array(5000).fill(nothing)]);
  assert.throws(() => listNexthops(endless), isFailure("nexthops", /empty pages without end/));
});

Deno.test("listNexthops() takes any answer, damaged as it may be", () => {
  const page = sandeshOf(parseMessages(vector("nh_list-04-rsp"))[0]!.payload);
  const original = concatenate(encodeMessages([response(15)]), page);
  const header = { type: FAMILY_ID, flags: 0, sequence: 0, port: PORT };
  attack({
    title: "Nexthops",
    seed: 13,
    originals: [original],
    use: (bytes) => {
      listNexthops(new ScriptedTransport([familyAnswer(), [moduleMessage(header, bytes)]]));
    },
    rejects: (error) => error instanceof Failure && error.kind === "nexthops",
    runs: 2000,
  });
});

/** A cache of what `list` returns, with a clock. */
function cacheOf(list: () => readonly Nexthop[] | null): {
  cache: NexthopCache;
  pass: (milliseconds: number) => void;
  listings: () => number;
} {
  let now = 0;
  let listings = 0;
  const cache = new NexthopCache({
    now: () => now,
    list: () => {
      listings++;
      now += 2;
      return list();
    },
  });
  return {
    cache,
    pass(milliseconds): void {
      const end = now + milliseconds;
      for (; now < end; now += 10) cache.turn();
    },
    listings: () => listings,
  };
}

Deno.test("NexthopCache follows nexthops that appear, change and vanish", () => {
  let table = listed();
  const { cache, pass } = cacheOf(() => table);
  pass(10);
  assert.equal(cache.get(50)!.type, NH.TUNNEL);
  table = [...table.filter(({ id }) => id !== 51), { ...table[0]!, id: 99 }]
    .map((nexthop) => nexthop.id === 50 ? { ...nexthop, type: NH.DISCARD } : nexthop);
  pass(6000);
  assert.equal(cache.get(50)!.type, NH.DISCARD);
  assert.equal(cache.get(51), undefined);
  assert.equal(cache.get(99)!.id, 99);
});

Deno.test("NexthopCache lists soon after it is asked for one that it does not know, once", () => {
  const { cache, pass, listings } = cacheOf(listed);
  pass(10);
  assert.equal(listings(), 1);
  pass(300);
  for (let again = 0; again < 50; again++) {
    assert.equal(cache.get(77), undefined);
    pass(20);
  }
  assert.equal(listings(), 2);
});

Deno.test("NexthopCache keeps what it knows when nothing can be listed, and spends 1 % at most", () => {
  let fails = false;
  const { cache, pass, listings } = cacheOf(() => {
    if (fails) throw new Failure("nexthops", "no");
    return listed();
  });
  pass(10);
  fails = true;
  pass(20_000);
  assert.equal(cache.get(11)!.id, 11);
  assert.ok(listings() <= 5, String(listings()));
  const slow = cacheOf(listed);
  for (let id = 1000; id < 1100; id++) {
    slow.cache.get(id);
    slow.pass(10);
  }
  // 2 ms each: no more than one in 200 ms.
  assert.ok(slow.listings() <= 6, String(slow.listings()));
});
