import assert from "node:assert/strict";
import {
  type Connection,
  connectionOf,
  connectionOfEnvironment,
  connectionsOfTerminal,
  describeConnection,
  establishedIn,
} from "../../src/sys/connections.ts";
import { readText } from "../../src/sys/files.ts";

const described = (connection: Connection | null): string | null =>
  connection && describeConnection(connection);

// From Linux 6.12; the second line is the listener, the third another connection.
const TCP =
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 010200C0:0016 090200C0:C822 01 00000000:00000000 02:000A5F4E 00000000     0        0 4711 4 0 20 4 31 10 -1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   2: 010200C0:0016 090200C0:C823 01 00000000:00000000 02:000A5F4E 00000000     0        0 4712 4 0 20 4 31 10 -1
`;
const TCP6 =
  `  sl  local_address                         remote_address                        st tx_queue
   0: 0000000000000000FFFF0000010200C0:0016 0000000000000000FFFF0000090200C0:C824 01 0:0 0:0 0 0 0 4713 2
   1: B80D0120000000000000000001000000:0016 B80D0120000000000000000009000000:C825 01 0:0 0:0 0 0 0 4714 2
`;

Deno.test("establishedIn() reads the connections of a process' sockets", () => {
  assert.deepEqual(establishedIn(TCP, new Set(["4711", "4713"])).map(described), [
    "192.0.2.1:22 and 192.0.2.9:51234",
  ]);
  assert.deepEqual(establishedIn(TCP6, new Set(["4713", "4714"])).map(described), [
    "192.0.2.1:22 and 192.0.2.9:51236",
    "[2001:db8:0:0:0:0:0:1]:22 and [2001:db8:0:0:0:0:0:9]:51237",
  ]);
  assert.deepEqual(establishedIn("", new Set(["1"])), []);
});

Deno.test("connectionOfEnvironment() reads SSH_CONNECTION, and nothing else", () => {
  assert.equal(
    described(connectionOfEnvironment("192.0.2.9 51234 192.0.2.1 22")),
    "192.0.2.1:22 and 192.0.2.9:51234",
  );
  assert.equal(
    described(connectionOfEnvironment("2001:db8::9 51234 ::1 22")),
    "[0:0:0:0:0:0:0:1]:22 and [2001:db8:0:0:0:0:0:9]:51234",
  );
  assert.equal(
    described(connectionOfEnvironment("fe80::1%eth0 51234 fe80::2%eth0 22")),
    "[fe80:0:0:0:0:0:0:2]:22 and [fe80:0:0:0:0:0:0:1]:51234",
  );
  for (
    const text of [
      "",
      "UNKNOWN 65535 UNKNOWN 65535",
      "192.0.2.9 51234",
      "1.2.3.4.5 1 1.2.3.4 2",
      "1.2.3.400 1 1.2.3.4 2",
      "1::2::3 1 ::1 2",
      "1:2:3 1 ::1 2",
      "::fffff 1 ::1 2",
      "192.0.2.9 0 192.0.2.1 22",
      "192.0.2.9 x 192.0.2.1 22",
    ]
  ) {
    assert.equal(connectionOfEnvironment(text), null, text);
  }
});

Deno.test("connectionsOfTerminal() finds the server that the process descends from", () => {
  const proc = Deno.makeTempDirSync();
  try {
    const add = (pid: string, name: string, parent: number, socket?: number): void => {
      Deno.mkdirSync(`${proc}/${pid}/fd`, { recursive: true });
      Deno.mkdirSync(`${proc}/${pid}/net`);
      Deno.writeTextFileSync(`${proc}/${pid}/status`, `Name:\t${name}\nPPid:\t${parent}\n`);
      Deno.writeTextFileSync(`${proc}/${pid}/net/tcp`, TCP);
      if (socket !== undefined) Deno.symlinkSync(`socket:[${socket}]`, `${proc}/${pid}/fd/4`);
    };
    add("self", "deno", 40);
    // A program's own connection is not that of the terminal.
    add("40", "bash", 30, 4712);
    add("30", "sshd", 20);
    add("20", "sshd-session", 10, 4711);
    add("10", "sshd", 1, 4799);
    add("1", "systemd", 0);
    assert.deepEqual(connectionsOfTerminal(proc).map(described), [
      "192.0.2.1:22 and 192.0.2.9:51234",
    ]);
    Deno.removeSync(`${proc}/20/fd/4`);
    assert.deepEqual(connectionsOfTerminal(proc), []);
    assert.deepEqual(connectionsOfTerminal(`${proc}/none`), []);
  } finally {
    Deno.removeSync(proc, { recursive: true });
  }
});

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test({
    name: `connectionOf() tells both ends of a socket, over ${hostname}, where the host has it`,
    ignore: hostname === "::1" && !/ lo$/m.test(readText("/proc/net/if_inet6") ?? ""),
    fn: async () => {
      const sockets = (): string[] =>
        [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name).filter((name) => {
          try {
            return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:");
          } catch {
            return false;
          }
        });
      using listener = Deno.listen({ hostname, port: 0 });
      const before = new Set(sockets());
      using client = await Deno.connect({ hostname, port: listener.addr.port });
      const [fd] = sockets().filter((name) => !before.has(name));
      const connection = connectionOf(Number(fd))!;
      assert.equal(connection.local.port, client.localAddr.port);
      assert.equal(connection.remote.port, listener.addr.port);
      assert.equal(connection.local.address.length, hostname === "::1" ? 16 : 4);
      assert.equal(connection.local.address.at(-1), 1);
      using server = await listener.accept();
      assert.equal(server.remoteAddr.port, connection.local.port);
      for (const one of before) assert.equal(connectionOf(Number(one)), null);
    },
  });
}

Deno.test("connectionOf() knows no connection of a file", () => {
  using _ = Deno.openSync("/dev/null");
  assert.equal(connectionOf(-1), null);
});
