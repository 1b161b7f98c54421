import assert from "node:assert/strict";
import { MessageStream } from "../../src/output/messages.ts";
import { ByteList } from "../support/byte_list.ts";

const LONG_MS = 30_000;

Deno.test("A message is out when write() returns, in pieces that a terminal has room for", () => {
  const bytes = new ByteList({ most: 100 });
  const messages = new MessageStream(bytes);
  messages.write("a".repeat(1000));
  assert.equal(bytes.text, "a".repeat(1000));
  assert.ok(bytes.writes.every((size) => size <= 256));
  assert.equal(messages.busy, false);
});

Deno.test("Messages wait in their order for a standard error that takes nothing, and nobody for it", async () => {
  const bytes = new ByteList();
  const messages = new MessageStream(bytes);
  bytes.ready = false;
  bytes.stall();
  messages.write("one\n");
  messages.write("two\n");
  // Later messages do not overtake, even if standard error is ready.
  bytes.ready = true;
  messages.write("three\n");
  assert.equal(bytes.text, "");
  assert.equal(messages.busy, true);
  bytes.resume();
  await messages.finish(LONG_MS);
  assert.equal(bytes.text, "one\ntwo\nthree\n");
});

Deno.test("A standard error that would block (EAGAIN) loses nothing", async () => {
  let refusals = 3;
  const bytes = new ByteList({
    most: 10,
    before: (write) => {
      if (write >= 2 && refusals-- > 0) throw new Deno.errors.WouldBlock("busy");
    },
  });
  const messages = new MessageStream(bytes);
  messages.write("0123456789".repeat(5));
  messages.write("behind");
  await messages.finish(LONG_MS);
  assert.equal(bytes.text, `${"0123456789".repeat(5)}behind`);
});

Deno.test("finish() gives up on a standard error that stays blocked", async () => {
  const bytes = new ByteList();
  const messages = new MessageStream(bytes);
  bytes.ready = false;
  bytes.stall();
  messages.write("unheard\n");
  const start = performance.now();
  await messages.finish(20);
  assert.ok(performance.now() - start < LONG_MS / 2);
  assert.equal(bytes.text, "");
  bytes.resume();
  await messages.finish(LONG_MS);
});

Deno.test("What a blocked standard error keeps is bounded", async () => {
  const bytes = new ByteList();
  const messages = new MessageStream(bytes);
  bytes.ready = false;
  bytes.stall();
  for (let line = 0; line < 10_000; line++) messages.write("x".repeat(100));
  bytes.resume();
  await messages.finish(LONG_MS);
  assert.ok(bytes.text.length > 60_000 && bytes.text.length <= 65_536, `${bytes.text.length}`);
  // Later messages are written again.
  messages.write("again\n");
  await messages.finish(LONG_MS);
  assert.match(bytes.text, /again\n$/);
});

Deno.test("A broken standard error is no reason to fail", async () => {
  for (const ready of [true, false]) {
    const bytes = new ByteList({
      before: () => {
        throw new Deno.errors.BrokenPipe("gone");
      },
    });
    bytes.ready = ready;
    const messages = new MessageStream(bytes);
    messages.write("nobody reads this");
    messages.write("nor this");
    await messages.finish(LONG_MS);
    messages.write("nor this");
    await messages.finish(LONG_MS);
    assert.equal(bytes.text, "");
  }
});
