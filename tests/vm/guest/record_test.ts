import assert from "node:assert/strict";
import { Receiver } from "../../support/otlp_receiver.ts";
import { fieldsAt } from "../../support/protobuf_fields.ts";
import { dropLog, startDropLog, stopDropLog } from "./drop_log.ts";
import { provoke, SCENARIOS } from "./drops.ts";
import { realNetwork, VRF } from "./real_network.ts";
import { type Ended, must, parse, ping, run, Trace } from "./support.ts";
import { DROP } from "./vrouter.ts";
import { RecordingReader } from "../../../src/recording/reader.ts";
import { fileSource } from "../../../src/recording/source.ts";
import { survey } from "../../../src/recording/survey.ts";
import { Failure } from "../../../src/sys/failure.ts";

const NOBODY = "10.1.1.50";
const FILE = "/tmp/record.vrft";
/** Dropped in the lookup of its flow, which waits for the agent. */
const HELD = "FLOW_QUEUE_LIMIT_EXCEEDED";
/** Id of the user nobody, who has no privilege, and of the group. */
const UNPRIVILEGED = 65534;

/** Runs vrft as that user, which unpacks its runtime anew. */
function asNobody(...args: string[]): Promise<Ended> {
  return vrft(args, { uid: UNPRIVILEGED, gid: UNPRIVILEGED, cwd: "/tmp" });
}

async function vrft(args: string[], as: Parameters<typeof run>[2] = {}): Promise<Ended> {
  const ended = await run("vrft", args, as);
  assert.equal(ended.code, 0, `${args.join(" ")}: ${ended.stderr}`);
  return ended;
}

function objectsIn(lines: string): Record<string, unknown>[] {
  return lines.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** Waits, for a minute at most, until a recording of this name has its end. @param cause what makes it be written */
async function recordedBy(
  folder: string,
  name: RegExp,
  cause: () => Promise<unknown>,
): Promise<void> {
  // The loop closes it, too.
  const watcher = Deno.watchFs(folder);
  const limit = setTimeout(() => watcher.close(), 60_000);
  try {
    await cause();
    for await (const { paths } of watcher) {
      const path = paths.find((one) => name.test(one));
      if (path !== undefined && isWhole(path)) return;
    }
  } finally {
    clearTimeout(limit);
  }
  throw new Error(
    `No recording of ${name} has ended: ${JSON.stringify([...Deno.readDirSync(folder)])}`,
  );
}

function isWhole(path: string): boolean {
  using file = Deno.openSync(path);
  try {
    return survey(new RecordingReader(fileSource(file), path)).ending.kind === "complete";
  } catch (error) {
    // It has not its first block yet.
    if (error instanceof Failure) return false;
    throw error;
  }
}

/** What two traces beside each other say alike of a drop: not when, and on which address it was. */
function alike(drop: Readonly<Record<string, unknown>>): unknown[] {
  return ["reason", "cause", "vif", "vrf", "length", "packet", "flow"].map((key) => drop[key]);
}

Deno.test("what vrft record has recorded is shown to an unprivileged user, by every view", async (test) => {
  await using _network = await realNetwork();
  startDropLog();
  const logged = (): { reason: number; vif: number }[] =>
    dropLog().filter(({ destination }) => destination === NOBODY)
      .map(({ reason, vif }) => ({ reason, vif }));
  // Of other tests.
  const earlier = logged().length;
  using _log = { [Symbol.dispose]: stopDropLog };
  let live: Ended;
  {
    await using drops = await Trace.live("drops", "--json");
    await using recording = await Trace.live("record", "--show", "return,vif", "-o", FILE);
    await ping();
    await run("ip", ["netns", "exec", "vm1", "ping", "-c", "1", "-W", "1", NOBODY]);
    const scenario = SCENARIOS.find(({ drop: { reason } }) => reason === HELD)!;
    await provoke(scenario, { before: () => {}, after: () => {} });
    const { code, stderr } = await recording.stop();
    assert.equal(code, 0, stderr);
    assert.match(stderr, / [\d,]+ events recorded in [\d,]+ bytes; 0 events lost; /);
    live = await drops.stop();
  }

  await test.step("vrft info", async () => {
    const { stdout } = await vrft(["info", FILE]);
    assert.ok(stdout.split("\n")[0]!.includes(`, Linux ${Deno.osRelease()}, `), stdout);
    assert.match(stdout, /^end +interrupted$/m);
  });

  await test.step("vrft drops --from, as vrft drops beside it, and as the module's log", async () => {
    const { stdout, stderr } = await vrft(["drops", "--from", FILE, "--json"]);
    assert.match(stderr, /No L2 Route: module 1, seen 1$/m);
    const wanted = (lines: string): Record<string, unknown>[] =>
      objectsIn(lines).filter(({ packet }) => String(packet).includes(NOBODY));
    const found = wanted(stdout);
    assert.equal(found.length, 1);
    assert.deepEqual(found.map(alike), wanted(live.stdout).map(alike));
    assert.equal(logged().length - earlier, 1);
    assert.deepEqual(logged()[0], { reason: DROP.L2_NO_ROUTE, vif: 1 });
    assert.deepEqual((found[0]!["vif"] as { index: number }).index, 1);
    assert.equal(found[0]!["vrf"], VRF);
    const held = [stdout, live.stdout].map((lines) =>
      objectsIn(lines).filter(({ type, reason }) =>
        type === "drop" && (reason as { name: string }).name === `VP_DROP_${HELD}`
      )
    );
    assert.ok(held[0]!.length > 0);
    assert.equal((held[0]![0]!["flow"] as { action: string }).action, "H");
    assert.deepEqual(...held.map((drops) => drops.map(alike)) as [unknown, unknown]);
  });

  await test.step("vrft packets --from", async () => {
    const { stdout } = await asNobody("packets", "--from", FILE, "--json", "icmp");
    const packets = objectsIn(stdout).filter(({ type }) => type === "packet");
    assert.deepEqual(
      packets.map(({ packet, outcome }) => [packet, (outcome as { type: string }).type]),
      [
        ["10.1.1.1 > 10.1.1.2 icmp echo request, 98 bytes", "delivered"],
        ["10.1.1.2 > 10.1.1.1 icmp echo reply, 98 bytes", "delivered"],
        [`10.1.1.1 > ${NOBODY} icmp echo request, 98 bytes`, "dropped"],
      ],
    );
  });

  await test.step("vrft --from", async () => {
    const { stdout } = await vrft(
      ["--from", FILE, "--show", "return,vif", "--vif", "tap1", "icmp and host " + NOBODY],
    );
    const { calls } = parse(stdout);
    assert.ok(calls.some(({ name }) => name === "vr_bridge_input"));
    assert.equal(
      stdout.match(/lh_pfree\(\) \{ {2}\/\* No L2 Route, vif0\/1 tap1 \*\//g)?.length,
      1,
    );
    assert.match(stdout, /\} {2}\/\* ret=\d+ \*\//);
  });

  await test.step("vrft export", async () => {
    const output = `${Deno.makeTempDirSync()}/a.pcapng`;
    await vrft(["export", FILE, "--format", "pcapng", "--at", "drop", "-o", output]);
    const text = new TextDecoder("latin1").decode(Deno.readFileSync(output));
    assert.equal(text.match(/vrft\.drop=L2_NO_ROUTE vrft\.by=vrouter/g)?.length, 1);
  });
});

/** Names of the spans with stages, by trace, and how many have each reason of a drop. */
function sentTo({ traces }: Receiver): { stages: string[][]; reasons: string[] } {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const stages = new Map<string, string[]>();
  const reasons: string[] = [];
  for (const span of traces.flatMap(({ body }) => fieldsAt(body, 1, 2, 2))) {
    const [id, name] = [fieldsAt(span, 1)[0]!.toHex(), text(fieldsAt(span, 5)[0]!)];
    stages.set(id, [...stages.get(id) ?? [], name]);
    for (const attribute of fieldsAt(span, 9)) {
      if (text(fieldsAt(attribute, 1)[0]!) !== "error.type") continue;
      reasons.push(text(fieldsAt(attribute, 2, 1)[0]!));
    }
  }
  return { stages: [...stages.values()].filter(({ length }) => length > 1), reasons };
}

Deno.test("a flight recorder writes what is around a drop, and what it is asked for", async () => {
  await using _network = await realNetwork();
  await using receiver = new Receiver();
  const folder = Deno.makeTempDirSync();
  await using recorder = await Trace.live(
    "record",
    ...["--ring", "30s", "--trigger", "drop no-l2-route", "--after", "1s", "-o", folder],
    // A packet that nothing holds up takes far less, even here.
    ...["--trigger", "slower 3s", "--otlp", receiver.url],
  );
  await ping();
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  await recordedBy(
    folder,
    /-drop\.vrft$/,
    () => run("ip", ["netns", "exec", "vm1", "ping", "-c", "1", "-W", "1", NOBODY]),
  );
  await recordedBy(folder, /-signal\.vrft$/, () => Promise.resolve(recorder.signal("SIGUSR1")));
  await must("tc", "qdisc", "replace", "dev", "tap2", "root", "netem", "delay", "4s");
  await must("ip", "netns", "exec", "vm1", "ping", "-c", "1", "-W", "20", "10.1.1.2");
  await must("tc", "qdisc", "delete", "dev", "tap2", "root");
  const { code, stderr } = await recorder.stop();
  assert.equal(code, 0, stderr);
  // The slow packet comes too soon for a recording, but is sent. ARP may be as slow.
  assert.match(
    stderr,
    / \d triggers: 2 in 2 recordings, [1-9] too soon \(--every\), 0 not all recorded; /,
  );
  const { stages, reasons } = sentTo(receiver);
  assert.deepEqual(reasons, ["VP_DROP_L2_NO_ROUTE"]);
  assert.ok(stages.length > 0 && stages.length < 4, stderr);
  for (const [root, first, ...others] of stages) {
    assert.deepEqual([root, first, others.includes("qdisc")], ["packet", "rx", true]);
  }
  const [, path] = / Recorded "(\S+-drop\.vrft)", for drop No L2 Route: /.exec(stderr)!;
  assert.match(stderr, / Recorded "\S+-signal\.vrft", for SIGUSR1: /);
  const drops = await run("vrft", ["drops", "--from", path!, "--json"]);
  assert.equal(drops.code, 0, drops.stderr);
  assert.deepEqual(
    objectsIn(drops.stdout).filter(({ packet }) => String(packet).includes(NOBODY)).map((
      { reason },
    ) => (reason as { name: string }).name),
    ["VP_DROP_L2_NO_ROUTE"],
  );
});
