import assert from "node:assert/strict";
import { LinkEvents } from "../../src/sys/link_events.ts";
import { SystemError } from "../../src/sys/libc.ts";
import { readNetworkDevices } from "../../src/sys/network.ts";
import { inNetworkNamespace } from "../../src/sys/network_namespace.ts";
import { Poller } from "../../src/sys/poller.ts";

/** A network namespace, kept alive by a process. */
class Namespace implements AsyncDisposable {
  readonly #child = new Deno.Command("unshare", {
    args: ["--net", "sh", "-c", "echo; exec cat"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();

  get path(): string {
    return `/proc/${this.#child.pid}/ns/net`;
  }

  /** Resolves once it exists; false if the machine does not allow it. */
  async ready(): Promise<boolean> {
    const reader = this.#child.stdout.getReader();
    const { done } = await reader.read();
    reader.releaseLock();
    return !done;
  }

  async ip(...args: string[]): Promise<void> {
    const command = new Deno.Command("nsenter", { args: [`--net=${this.path}`, "ip", ...args] });
    const { code, stderr } = await command.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.stdout.cancel();
    await this.#child.status;
  }
}

async function areNamespacesAllowed(): Promise<boolean> {
  await using namespace = new Namespace();
  return await namespace.ready();
}

const allowed = await areNamespacesAllowed();
const ignored = allowed ? "" : " (ignored: no network namespace can be made here)";

Deno.test({
  name: `LinkEvents tells of changes in the namespace it was made for${ignored}`,
  ignore: !allowed,
  fn: async () => {
    await using namespace = new Namespace();
    await namespace.ready();
    using events = new LinkEvents(namespace.path);
    assert.equal(events.take(), false);
    await namespace.ip("link", "set", "lo", "up");
    assert.equal(events.take(), true);
    assert.equal(events.take(), false);
  },
});

Deno.test({
  name: `LinkEvents has input to wait for, and survives more of it than fits${ignored}`,
  ignore: !allowed,
  fn: async () => {
    await using namespace = new Namespace();
    await namespace.ready();
    using events = new LinkEvents(namespace.path);
    using ring = new LinkEvents();
    using poller = new Poller(ring.fd);
    let taken = 0;
    poller.watch(events.fd, () => void (events.take() && taken++));
    await poller.wait(0);
    assert.equal(taken, 0);
    const batch = "for n in $(seq 500); do echo link set lo mtu $((1000 + n)); done | ip -batch -";
    const command = new Deno.Command("nsenter", {
      args: [`--net=${namespace.path}`, "sh", "-c", batch],
    });
    assert.equal((await command.output()).code, 0);
    await poller.wait(1000);
    assert.equal(taken, 1);
    assert.equal(events.take(), false);
  },
});

Deno.test({
  name: `readNetworkDevices() lists those of another namespace${ignored}`,
  ignore: !allowed,
  fn: async () => {
    await using namespace = new Namespace();
    await namespace.ready();
    const before = readNetworkDevices();
    assert.deepEqual(readNetworkDevices(namespace.path).map(({ name }) => name), ["lo"]);
    assert.deepEqual(readNetworkDevices(), before);
  },
});

Deno.test("inNetworkNamespace() does not wait for the writer of a FIFO", async () => {
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  assert.ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
  try {
    assert.throws(() => inNetworkNamespace(path, () => assert.fail()), SystemError);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("inNetworkNamespace() says which namespace it cannot enter", () => {
  assert.throws(
    () => inNetworkNamespace("/no/such/file", () => assert.fail()),
    (error) => {
      assert.ok(error instanceof SystemError);
      assert.equal(error.message, "Cannot open /no/such/file: No such file or directory");
      return true;
    },
  );
});

Deno.test({
  name: `inNetworkNamespace() returns, whatever is thrown there${ignored}`,
  ignore: !allowed,
  fn: async () => {
    await using namespace = new Namespace();
    await namespace.ready();
    const before = readNetworkDevices();
    const inside = inNetworkNamespace(namespace.path, () => readNetworkDevices());
    assert.deepEqual(inside.map(({ name }) => name), ["lo"]);
    assert.throws(() =>
      inNetworkNamespace(namespace.path, () => {
        throw new RangeError("odd");
      }), RangeError);
    assert.deepEqual(readNetworkDevices(), before);
  },
});
