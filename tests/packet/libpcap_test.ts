import assert from "node:assert/strict";
import { ExpressionError, Libpcap } from "../../src/packet/libpcap.ts";
import { assertDisposed } from "../support/disposal.ts";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** For a process of its own: compiles a filter, and prints what is mapped then. */
const SHOW_MAPPED = `
  const { Libpcap } = await import(${
  JSON.stringify(import.meta.resolve("../../src/packet/libpcap.ts"))
});
  using libpcap = await Libpcap.open();
  libpcap.compile("icmp and host 10.1.1.2", true);
  console.log(Deno.readTextFileSync("/proc/self/maps"));
`;

// LD_BIND_NOW also looks up what is never called.
for (const env of [{}, { LD_BIND_NOW: "1" }]) {
  const how = Object.keys(env).map((name) => ` with ${name}`).join("");
  Deno.test(`libpcap loads from memory and brings nothing else${how}`, async () => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--config", CONFIG, SHOW_MAPPED],
      env,
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const paths = new TextDecoder().decode(stdout).matchAll(/ (\/.*lib(?:pcap|dbus|systemd).*)$/gm);
    assert.deepEqual([...new Set(Array.from(paths, ([, path]) => path))], [
      "/memfd:libpcap.so.0.8 (deleted)",
    ]);
  });
}

Deno.test("compile() gives libpcap's program", async () => {
  using libpcap = await Libpcap.open();
  assert.deepEqual(libpcap.compile("ip", true), [
    { code: 0x28, jt: 0, jf: 0, k: 12 }, // ldh [12]
    { code: 0x15, jt: 0, jf: 1, k: 0x800 }, // jeq #0x800
    { code: 0x06, jt: 0, jf: 0, k: 262144 }, // ret #262144
    { code: 0x06, jt: 0, jf: 0, k: 0 }, // ret #0
  ]);
});

Deno.test("an expression that libpcap refuses is an error with libpcap's words", async () => {
  using libpcap = await Libpcap.open();
  for (
    const [expression, message] of [
      ["icmp andd", "can't parse filter expression: syntax error"],
      ["ip broadcast", "netmask not known, so 'ip broadcast' not supported"],
      ["port 70000", "illegal port number 70000 > 65535"],
    ]
  ) {
    assert.throws(
      () => libpcap.compile(expression!, true),
      new ExpressionError(message),
      expression,
    );
  }
  // And goes on working.
  assert.equal(libpcap.compile("ip", true).length, 4);
});

Deno.test("matches() is pcap_offline_filter()", async () => {
  using libpcap = await Libpcap.open();
  const program = libpcap.compile("ip and len > 60", true);
  const frame = new Uint8Array(64);
  frame.set([0x08, 0x00], 12);
  assert.equal(libpcap.matches(program, frame, 64), true);
  assert.equal(libpcap.matches(program, frame, 60), false);
  assert.equal(libpcap.matches(program, frame.slice(0, 13), 64), false);
});

Deno.test("disposed, it refuses", async () => {
  const libpcap = await Libpcap.open();
  libpcap[Symbol.dispose]();
  assertDisposed(() => libpcap.compile("ip", true));
});
