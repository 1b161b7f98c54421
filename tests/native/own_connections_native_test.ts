import assert from "node:assert/strict";
import { Libbpf } from "../../src/probe/libbpf.ts";
import { BpfObject } from "../../src/probe/object.ts";
import type { Connection } from "../../src/sys/connections.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest, RecordProgram } from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { SMALL } from "../support/loaded_object.ts";

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

const TCP = 6;
const UDP = 17;
/** `struct vrft_test_packet`. */
const PACKET_BYTES = 2048;
const DATA = 1024;

function endpoint(address: readonly number[], port: number): Connection["local"] {
  return { address: Uint8Array.from(address), port };
}

const V4: Connection = {
  local: endpoint([192, 0, 2, 1], 22),
  remote: endpoint([192, 0, 2, 9], 51234),
};
const V6: Connection = {
  local: endpoint([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 22),
  remote: endpoint([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], 51235),
};
const turned = ({ local, remote }: Connection): Connection => ({ local: remote, remote: local });

/** A packet from the local end to the remote one, from the IP header on. */
function packet({ local, remote }: Connection, protocol = TCP, options = 0): Uint8Array {
  const isV4 = local.address.length === 4;
  const length = isV4 ? 20 + options : 40;
  const bytes = new Uint8Array(length + 20);
  const view = new DataView(bytes.buffer);
  bytes[0] = isV4 ? 0x40 | length / 4 : 0x60;
  bytes[isV4 ? 9 : 6] = protocol;
  bytes.set(local.address, isV4 ? 12 : 8);
  bytes.set(remote.address, isV4 ? 16 : 24);
  view.setUint16(length, local.port);
  view.setUint16(length + 2, remote.port);
  return bytes;
}

/** Passes `action` a function that tells whether a packet is excluded from a trace. */
async function withOwn(
  own: readonly Connection[],
  action: (leftOut: (bytes: Uint8Array, header?: number) => boolean) => void,
): Promise<void> {
  using libbpf = await Libbpf.open();
  const programs = [{ name: "vrft_test_output" }];
  using object = BpfObject.load(libbpf, builtObject(), programs, { ...SMALL, own });
  const program = RecordProgram.of(object, "vrft_test_output");
  action((bytes, header = 64) => {
    const value = new Uint8Array(PACKET_BYTES);
    value.set(bytes, DATA + header);
    object.update("test_packet", new Uint8Array(4), value);
    return program.run(BigInt(header), 0, 0n) === 1;
  });
}

test("packets of the output's own connections are left out, whichever way they go", async () => {
  await withOwn([V4, V6], (leftOut) => {
    for (const one of [V4, V6]) {
      assert.equal(leftOut(packet(one)), true);
      assert.equal(leftOut(packet(turned(one))), true);
      assert.equal(leftOut(packet(one), 0), true, "not marked yet");
    }
    assert.equal(leftOut(packet(V4, TCP, 40)), true, "with IP options");
  });
});

test("packets of all other connections are kept", async () => {
  await withOwn([V4, V6], (leftOut) => {
    for (const one of [V4, V6]) {
      const { local, remote } = one;
      assert.equal(leftOut(packet(one, UDP)), false);
      for (
        const end of [{ ...local, port: 23 }, {
          ...local,
          address: local.address.map((byte) => byte ^ 1),
        }]
      ) {
        assert.equal(leftOut(packet({ local: end, remote })), false);
        assert.equal(leftOut(packet({ local: remote, remote: end })), false);
      }
      assert.equal(leftOut(packet({ local, remote: local })), false);
    }
    assert.equal(leftOut(new Uint8Array(40)), false, "no IP");
  });
});

test("each byte of an address counts", async () => {
  await withOwn([V4, V6], (leftOut) => {
    for (const { local, remote } of [V4, V6]) {
      for (let at = 0; at < local.address.length; at++) {
        const address = local.address.with(at, local.address[at]! ^ 0x80);
        assert.equal(leftOut(packet({ local: { ...local, address }, remote })), false, `${at}`);
      }
    }
  });
});

test("as many connections are left out as there is room for", async () => {
  const own = [1, 2, 3, 4, 5].map((port) => ({ ...V4, local: { ...V4.local, port } }));
  await withOwn(own, (leftOut) => {
    assert.deepEqual(own.map((one) => leftOut(packet(one))), [true, true, true, true, false]);
  });
  await withOwn([], (leftOut) => assert.equal(leftOut(packet(V4)), false));
});
