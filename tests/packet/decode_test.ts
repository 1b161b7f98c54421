import assert from "node:assert/strict";
import { decodePacket } from "../../src/packet/decode.ts";
import { describe, describeMacs, flowKey } from "../../src/packet/describe.ts";
import { randomFrame } from "../support/frames.ts";
import { mutate } from "../support/mutate.ts";
import { forRandomCases } from "../support/property.ts";
import type { Random } from "../support/random.ts";
import { NOT_TUNNELLED, TUNNELLED } from "../support/tunnels.ts";

/** What the BPF programs record of a packet. */
const RECORDED = 100;

Deno.test("the tunnels that filters look into are found, with VNI or label", () => {
  for (const { name, bytes, tunnel, number, isV6 } of TUNNELLED) {
    const { outer, inner } = decodePacket(bytes, bytes.length);
    const { vni, labels } = outer.tunnel!;
    assert.equal(tunnel === 1 ? vni : labels.at(-1), number, name);
    assert.equal(inner!.network?.kind === "ip" && inner!.network.version, isV6 ? 6 : 4, name);
    assert.equal(inner!.transport?.kind === "icmp" && inner!.transport.id, 1, name);
    assert.equal(inner!.damage ?? outer.damage, null, name);
  }
});

Deno.test("what filters take for no tunnel has no inner packet, but for what vrft names", () => {
  // The filters stop there to be simple; the kernel's own devices make these.
  const known = ["GRE without MPLS", "three labels"];
  for (const { name, bytes } of NOT_TUNNELLED) {
    const { inner } = decodePacket(bytes, bytes.length);
    assert.equal(inner !== null, known.includes(name), name);
  }
});

Deno.test("damaged and truncated packets are decoded without failing, and no byte beyond is read", () => {
  let damaged = 0;
  forRandomCases(30, (random) => {
    const whole = somePacket(random);
    const captured = whole.subarray(0, random.int(Math.min(whole.length, RECORDED) + 1));
    const line = words(captured, whole.length);
    assert.match(line, /^[\x20-\x7e]+$/);
    assert.ok(line.length < 400, line);
    // The same bytes in front of others of all kinds.
    const other = new Uint8Array(captured.length + 64).fill(random.int(256));
    other.set(captured);
    assert.equal(words(other.subarray(0, captured.length), whole.length), line);
    // In the middle of a larger buffer, as a record is.
    const inside = new Uint8Array(captured.length + 128).fill(random.int(256));
    inside.set(captured, 64);
    assert.equal(words(inside.subarray(64, 64 + captured.length), whole.length), line);
    if (/truncated|malformed/.test(line)) damaged++;
  });
  console.log(`${damaged} of them truncated or malformed`);
  assert.ok(damaged > 0);
});

Deno.test("a packet that is cut off says the same as the whole, or that it is cut off", () => {
  forRandomCases(31, (random) => {
    const whole = somePacket(random);
    const all = decodePacket(whole, whole.length);
    const cut = decodePacket(whole.subarray(0, random.int(whole.length + 1)), whole.length);
    const isCut = (cut.inner ?? cut.outer).damage === "truncated";
    if (!isCut) assert.deepEqual(cut, all);
    if (cut.outer.network !== null) {
      // Only the protocol behind IPv6 extension headers may not be known yet.
      const known = { ...cut.outer.network, protocol: 0, fragment: null };
      assert.deepEqual(known, { ...all.outer.network, protocol: 0, fragment: null });
    }
  });
});

function somePacket(random: Random): Uint8Array {
  const bytes = random.int(2) === 0 ? randomFrame(random).whole : random.pick(TUNNELLED).bytes;
  return random.int(2) === 0 ? bytes : mutate(bytes, random);
}

function words(bytes: Uint8Array, length: number): string {
  const packet = decodePacket(bytes, length);
  return `${describe(packet)} ${describeMacs(packet)} ${flowKey(packet)}`;
}
