import assert from "node:assert/strict";

/** Waits for an answer that never comes, with a listener for SIGINT, and says how that ended. */
const WAITING = `
import { encodeMessage } from ${JSON.stringify(import.meta.resolve("../../src/sys/netlink.ts"))};
import { NetlinkSocket } from ${
  JSON.stringify(import.meta.resolve("../../src/sys/netlink_socket.ts"))
};
let heard = 0;
Deno.addSignalListener("SIGINT", () => heard++);
using socket = new NetlinkSocket(0, 60_000);
// NLMSG_NOOP: the kernel says nothing to it.
socket.send(encodeMessage({ type: 1, flags: 1, sequence: 1, port: 0, payload: new Uint8Array(0) }));
console.log("waiting");
let errno = 0;
try {
  socket.receive();
} catch (error) {
  errno = error.errno;
}
// The listener's turn.
await new Promise((resolve) => setTimeout(resolve, 200));
console.log(\`errno \${errno}, heard \${heard > 0}\`);
Deno.exit(0);
`;

Deno.test("receive() ends at a signal, whose listener is then called", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", WAITING],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await lines.read()).value, "waiting\n");
  // It may be a moment before it really waits: again and again, until it says something.
  const said = lines.read();
  const again = setInterval(() => child.kill("SIGINT"), 50);
  const { value } = await said;
  clearInterval(again);
  assert.equal(value, "errno 4, heard true\n");
  await lines.cancel();
  await child.status;
});
