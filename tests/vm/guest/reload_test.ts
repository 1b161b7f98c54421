import assert from "node:assert/strict";
import { ModuleWatch } from "../../../src/sys/module_events.ts";
import { confinedVrft } from "./limited.ts";
import {
  FPROBE,
  leftovers,
  must,
  parse,
  ping,
  run,
  settle,
  Trace,
  vrftArguments,
} from "./support.ts";
import { Talking } from "./talking.ts";
import { readText } from "../../../src/sys/files.ts";
import { readUnit, UNITS } from "../../support/units.ts";

/** Numbers of include/uapi/linux/capability.h. */
const NUMBERS: Readonly<Record<string, number>> = {
  CAP_NET_ADMIN: 12,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
  CAP_SYSLOG: 34,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
};

const FEW = ["-f", "vm_rx", "-f", "nh_*", "-f", "linux_*"];
/** Of the kernel itself, and passed by what a VM sends. */
const LASTING = "netif_rx_internal";
const UNLOADED = "The vrouter module was unloaded";
const REPLACED = "The vrouter module was reloaded";

async function unload(): Promise<void> {
  await must("rmmod", "vrouter");
}

async function load(): Promise<void> {
  await must("insmod", "/vm/vrouter.ko");
  for (const [index, device] of ["fab0", "tap1", "tap2"].entries()) {
    await must("vif-add", device, `${index}`, device === "fab0" ? "2" : "3");
  }
}

/** What the tests of other files rely on. */
async function restore(): Promise<void> {
  if (!isLoaded()) await load();
}

function isLoaded(): boolean {
  try {
    return Deno.statSync("/sys/module/vrouter").isDirectory;
  } catch {
    return false;
  }
}

function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** A trace whose log is read meanwhile, with every probe live. */
async function liveTalk(...args: string[]): Promise<Talking> {
  const directory = Deno.makeTempDirSync();
  const ready = `${directory}/ready`;
  const talking = new Talking(["vrft", ...vrftArguments([...args, "--ready-file", ready])]);
  await live(directory);
  return talking;
}

/** Waits for the ready file in a directory. */
async function live(directory: string): Promise<void> {
  const watcher = Deno.watchFs(directory);
  if ([...Deno.readDirSync(directory)].length > 0) return watcher.close();
  for await (const _ of watcher) break;
}

// Links of session and multi are of one kind.
for (const backend of FPROBE ? ["session"] : []) {
  Deno.test(`The backend ${backend} holds the module until vrft has ended, and no longer`, async () => {
    await settle();
    try {
      await using trace = await Trace.live("--backend", backend, ...FEW);
      const { code, stderr } = await run("rmmod", ["vrouter"]);
      assert.notEqual(code, 0);
      assert.match(stderr, /Resource temporarily unavailable/);
      await ping(1);
      const ended = await trace.stop();
      await unload();
      assert.equal(ended.code, 0, ended.stderr);
      assert.ok(parse(ended.stdout).calls.length > 0);
      assert.ok(!ended.stderr.includes("module was"), ended.stderr);
      assert.deepEqual(await leftovers(), []);
    } finally {
      await restore();
    }
  });
}

for (const backend of FPROBE ? ["session", "kprobe"] : ["kprobe"]) {
  Deno.test(`The module can be unloaded as soon as a killed vrft is gone: ${backend}`, async () => {
    try {
      const trace = await Trace.live("--backend", backend, ...FEW);
      await trace[Symbol.asyncDispose]();
      await unload();
      // The next vrft removes what is left of the kprobe events, whose module is gone.
      const args = ["--no-vrouter", "--backend", "kprobe", "-f", LASTING, "--duration", "100ms"];
      const next = await run("vrft", args);
      assert.equal(next.code, 0, next.stderr);
      assert.deepEqual(await leftovers(), []);
    } finally {
      await restore();
    }
  });
}

Deno.test("vrft functions lists the addresses of the module as it is loaded now", async () => {
  const kept = ["/var/cache/vrft/survey", "/run/vrft/survey"];
  const text = (): string | undefined =>
    kept.map(readText).find((one) => one !== null) ?? undefined;
  try {
    await must("vrft", "functions");
    const before = text();
    await unload();
    await load();
    const lines = (await must("vrft", "functions")).split("\n").filter((line) =>
      / vrouter /.test(line)
    );
    const symbols = await Deno.readTextFile("/proc/kallsyms");
    assert.ok(lines.length > 50);
    for (const line of lines) {
      const [name] = line.split(" ");
      const address = line.slice(line.lastIndexOf("0x") + 2);
      assert.ok(
        symbols.includes(`${address} t ${name}\t`) || symbols.includes(`${address} T ${name}\t`),
        line,
      );
    }
    // Even at the same addresses.
    assert.notEqual(before, undefined);
    assert.notEqual(text(), before);
  } finally {
    await restore();
  }
});

Deno.test("kprobes let the module go: vrft says so once, and traces the rest", async () => {
  await settle();
  try {
    const file = Deno.makeTempFileSync();
    await using vrft = await liveTalk("--backend", "kprobe", ...FEW, "-f", LASTING, "-o", file);
    await ping(1);
    await unload();
    await vrft.says(new RegExp(UNLOADED));
    // The module no longer answers.
    await run("ip", ["netns", "exec", "vm1", "ping", "-c", "1", "-W", "1", "10.1.1.2"]);
    await load();
    await vrft.says(new RegExp(REPLACED));
    await unload();
    await load();
    const { code, stderr } = await vrft.end("SIGINT");
    assert.equal(code, 0, stderr);
    assert.equal(occurrences(stderr, UNLOADED), 1, stderr);
    assert.equal(occurrences(stderr, REPLACED), 1, stderr);
    assert.match(stderr, / probe hits? missed; .* in vrft.*\n$/);
    const { calls } = parse(Deno.readTextFileSync(file));
    const names = calls.map(({ name }) => name);
    assert.ok(names.lastIndexOf(LASTING) > names.lastIndexOf("vm_rx"), names.join(" "));
    assert.ok(names.includes("vm_rx"));
    assert.deepEqual(await leftovers(), []);
    // Nothing references the new one.
    await unload();
  } finally {
    await restore();
  }
});

Deno.test("Where the kernel announces nothing, vrft notices at its end that the module is gone", async () => {
  try {
    const directory = Deno.makeTempDirSync();
    // No socket of NETLINK_KOBJECT_UEVENT.
    const refuse = [{ call: 41, errno: 1, argument: { index: 2, value: 15 } }];
    const args = ["--backend", "kprobe", ...FEW, "--ready-file", `${directory}/ready`];
    await using vrft = new Talking(confinedVrft({ refuse }, args));
    await live(directory);
    await unload();
    const { code, stderr } = await vrft.end("SIGINT");
    assert.equal(code, 0, stderr);
    assert.equal(occurrences(stderr, UNLOADED), 1, stderr);
    assert.deepEqual(await leftovers(), []);
  } finally {
    await restore();
  }
});

// As systemd would run them, with an end.
for (const name of UNITS) {
  Deno.test(`The unit ${name} lets the module go, and ends with it`, async () => {
    const folder = new URL("../../../scripts/debian/", import.meta.url);
    const { args, capabilities } = readUnit(folder, name);
    const kept = new Set(capabilities.map((capability) => NUMBERS[capability]));
    const drop = Array.from({ length: 41 }, (_, number) => number).filter((one) => !kept.has(one));
    const directory = Deno.makeTempDirSync();
    await Deno.mkdir("/var/lib/vrft", { recursive: true });
    // All functions would take a while to attach to.
    const few = args[0] === "record" ? FEW : [];
    try {
      const ready = ["--ready-file", `${directory}/ready`];
      await using vrft = new Talking(confinedVrft({ drop }, [...args, ...few, ...ready]));
      await live(directory);
      if (args.includes("--listen")) {
        const metrics = await (await fetch("http://127.0.0.1:9467/metrics")).text();
        assert.match(metrics, /^vrft_module_counters_readable 1$/m);
      }
      await unload();
      const { code, stderr } = await vrft.end();
      assert.equal(code, 1, stderr);
      assert.match(stderr, /Stopped: the vrouter module was unloaded; start vrft again once it is/);
      assert.deepEqual(await leftovers(), []);
    } finally {
      await restore();
    }
  });
}

Deno.test("The kernel's announcements alone tell what becomes of the module", async () => {
  try {
    // /sys/module is not read.
    using watch = new ModuleWatch("vrouter", "/nowhere");
    assert.equal(watch.state(), "same");
    await unload();
    assert.equal(watch.state(), "unloaded");
    await load();
    assert.equal(watch.state(), "replaced");
  } finally {
    await restore();
  }
});

/**
 * Starts vrft, and stops it where it has chosen what to trace and attached nothing yet: there it opens
 * its output, and a pipe without a reader keeps it waiting.
 */
async function halfway(...args: string[]): Promise<{ vrft: Talking; pipe: string }> {
  const pipe = `${Deno.makeTempDirSync()}/pipe`;
  await must("mkfifo", pipe);
  const vrft = new Talking(["vrft", ...vrftArguments([...args, "-o", pipe])]);
  await vrft.says(/Filter events with/);
  return { vrft, pipe };
}

// Without functions that last, and with them.
const BEFORE: readonly (readonly [backend: string, functions: readonly string[]])[] = [
  ["kprobe", FEW],
  ["session", [...FEW, "-f", LASTING]],
];

for (const [backend, functions] of FPROBE ? BEFORE : BEFORE.slice(0, 1)) {
  Deno.test(
    `A module that goes before it is attached to is what the failure names: ${backend}, ${
      functions.length / 2
    } globs`,
    async () => {
      try {
        const { vrft, pipe } = await halfway("--backend", backend, ...functions);
        await using _ = vrft;
        await unload();
        using _reader = await Deno.open(pipe);
        const { code, stderr } = await vrft.end();
        assert.equal(code, 1, stderr);
        assert.match(
          stderr,
          /^vrft: Cannot trace: the vrouter module was unloaded while vrft was starting; load it/m,
        );
        assert.doesNotMatch(stderr, /bug in vrft/);
        assert.deepEqual(await leftovers(), []);
      } finally {
        await restore();
      }
    },
  );
}

Deno.test("A module that is loaded anew before it is attached to is what the failure names", async () => {
  const { vrft, pipe } = await halfway(...FEW);
  await using _ = vrft;
  await unload();
  await load();
  using _reader = await Deno.open(pipe);
  const { code, stderr } = await vrft.end();
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /the vrouter module was reloaded while vrft was starting; start vrft/,
  );
  assert.deepEqual(await leftovers(), []);
});

Deno.test("Reading the vifs while the module comes and goes ends well, or says that it is not loaded", async () => {
  let over = false;
  const codes = new Set<number>();
  const reader = async (): Promise<void> => {
    while (!over) {
      const { code, stdout, stderr } = await run("vrft", ["interfaces", "--json"]);
      codes.add(code);
      if (code === 0) JSON.parse(stdout);
      else {assert.match(
          stderr,
          /^vrft: Cannot list the vifs: the vrouter kernel module is not loaded/,
        );}
    }
  };
  const readers = Promise.all([reader(), reader()]);
  try {
    for (let times = 0; times < 6; times++) {
      await unload();
      await load();
    }
  } finally {
    over = true;
    await restore();
  }
  await readers;
  assert.ok([...codes].every((code) => code === 0 || code === 1));
});
