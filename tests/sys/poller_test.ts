import assert from "node:assert/strict";
import { check, libc, SystemError } from "../../src/sys/libc.ts";
import { Poller } from "../../src/sys/poller.ts";
import { MemoryFile, openDescriptors } from "../support/descriptors.ts";
import { assertDisposed } from "../support/disposal.ts";

/** Longer than any test may take: a wait that ends sooner was ended. */
const LONG_MS = 30_000;
/** Shorter than anybody notices. */
const SHORT_MS = 20;

/** An eventfd, to be watched: input is there once something has been added. */
class Event implements Disposable {
  readonly fd = check("Cannot create an eventfd", libc().eventfd(0, 0));

  add(): void {
    libc().write(this.fd, new Uint8Array(new BigUint64Array([1n]).buffer), 8n);
  }

  [Symbol.dispose](): void {
    libc().close(this.fd);
  }
}

/** Milliseconds that a wait takes. */
async function time(wait: Promise<void>): Promise<number> {
  const start = performance.now();
  await wait;
  return performance.now() - start;
}

/**
 * Asserts that a wait of SHORT_MS takes that long, apart from the clock's rounding, unless a signal ends
 * it: the runtime has some.
 */
async function assertTimesOut(poller: Poller): Promise<void> {
  const waits: number[] = [];
  do {
    waits.push(await time(poller.wait(SHORT_MS)));
    assert.ok(waits.length <= 3, `waits of ${waits} ms`);
  } while (waits.at(-1)! <= SHORT_MS - 2);
}

async function assertEnds(wait: Promise<void>): Promise<void> {
  assert.ok(await time(wait) < LONG_MS / 2);
}

Deno.test("wait() ends when its time is up", async () => {
  using event = new Event();
  using poller = new Poller(event.fd);
  await assertTimesOut(poller);
});

Deno.test("wait() ends when input comes", async () => {
  using event = new Event();
  using poller = new Poller(event.fd);
  const wait = poller.wait(LONG_MS);
  event.add();
  await assertEnds(wait);
});

Deno.test("wait() ends at once when input came before it", async () => {
  using event = new Event();
  using poller = new Poller(event.fd);
  event.add();
  await assertEnds(poller.wait(LONG_MS));
});

Deno.test("wait() ends once for an input, even if that is not read", async () => {
  using event = new Event();
  using poller = new Poller(event.fd);
  event.add();
  await assertEnds(poller.wait(LONG_MS));
  await assertTimesOut(poller);
  event.add();
  await assertEnds(poller.wait(LONG_MS));
});

Deno.test("wait() lets timers and other promises go on", async () => {
  using event = new Event();
  using poller = new Poller(event.fd);
  setTimeout(() => event.add(), 1);
  await assertEnds(poller.wait(LONG_MS));
});

Deno.test("wait(0) returns at once", async () => {
  using event = new Event();
  using poller = new Poller(event.fd);
  await assertEnds(poller.wait(0));
});

Deno.test("wake() ends the present wait", async () => {
  using event = new Event();
  using poller = new Poller(event.fd);
  setTimeout(() => poller.wake(), 1);
  await assertEnds(poller.wait(LONG_MS));
});

Deno.test("wake() ends the next wait when there is none, and only that", async () => {
  using event = new Event();
  using poller = new Poller(event.fd);
  poller.wake();
  poller.wake();
  await assertEnds(poller.wait(LONG_MS));
  await assertTimesOut(poller);
});

Deno.test("wait() calls what looks after another file descriptor, as long as that has input", async () => {
  using event = new Event();
  using other = new Event();
  using poller = new Poller(event.fd);
  let calls = 0;
  poller.watch(other.fd, () => calls++);
  await assertTimesOut(poller);
  assert.equal(calls, 0);
  other.add();
  await assertEnds(poller.wait(LONG_MS));
  await assertEnds(poller.wait(LONG_MS));
  assert.equal(calls, 2);
  libc().read(other.fd, new Uint8Array(8), 8n);
  event.add();
  await assertEnds(poller.wait(LONG_MS));
  await assertTimesOut(poller);
  assert.equal(calls, 2);
});

Deno.test("wait() throws what a look at another file descriptor throws", async () => {
  using event = new Event();
  using other = new Event();
  using poller = new Poller(event.fd);
  poller.watch(other.fd, () => {
    throw new RangeError("no");
  });
  other.add();
  await assert.rejects(poller.wait(LONG_MS), RangeError);
});

Deno.test("Poller leaves no file descriptor behind", () => {
  using event = new Event();
  const before = openDescriptors("anon_inode:");
  const poller = new Poller(event.fd);
  assert.equal(openDescriptors("anon_inode:"), before + 2);
  poller[Symbol.dispose]();
  assert.equal(openDescriptors("anon_inode:"), before);
});

Deno.test("Poller fails on what cannot be watched, and leaves nothing behind", () => {
  // epoll refuses files.
  using file = new MemoryFile(new Uint8Array(1));
  const before = openDescriptors("anon_inode:");
  for (const [fd, reason] of [[-1, /Bad file descriptor/], [file.fd, /not permitted/]] as const) {
    assert.throws(
      () => new Poller(fd),
      (error) =>
        error instanceof SystemError && reason.test(error.message) &&
        error.message.startsWith("Cannot watch a file descriptor: "),
    );
  }
  assert.equal(openDescriptors("anon_inode:"), before);
});

Deno.test("Poller does nothing with its file descriptors once they are closed", async () => {
  using event = new Event();
  const poller = new Poller(event.fd);
  poller[Symbol.dispose]();
  // They have the numbers of the poller's.
  using next = new DisposableStack();
  for (let count = 0; count < 4; count++) next.use(new Event());
  const before = openDescriptors("anon_inode:");
  poller[Symbol.dispose]();
  assert.equal(openDescriptors("anon_inode:"), before);
  assertDisposed(() => poller.wake(), () => poller.watch(event.fd, () => {}));
  await assert.rejects(poller.wait(0), /^ReferenceError: The poller has been disposed$/);
});

Deno.test("a wait() that outlives its poller looks after nothing any more", async () => {
  using event = new Event();
  using other = new Event();
  const poller = new Poller(event.fd);
  let calls = 0;
  poller.watch(other.fd, () => calls++);
  other.add();
  const wait = poller.wait(LONG_MS);
  poller[Symbol.dispose]();
  await assertEnds(wait);
  assert.equal(calls, 0);
});
