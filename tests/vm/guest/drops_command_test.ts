import assert from "node:assert/strict";
import { provoke, SCENARIOS } from "./drops.ts";
import { realNetwork, VRF } from "./real_network.ts";
import { must, run, Trace } from "./support.ts";
import { until } from "./until.ts";
import { DROP, dropCounters, dropsSince } from "./vrouter.ts";

// What does not depend on the kernel: see drops_test.ts for the rest. In VRF 1 nobody has the MAC address
// that vm1 has for this one.

const NOBODY = "10.1.1.50";
const PINGS = 3;
const FLOOD = 1000;
const ADDRESS = "127.0.0.1:9467";
const NO_ROUTE = "VP_DROP_L2_NO_ROUTE";
/** The metric of pings to nobody. */
const DROPPED = `vrft_packet_dropped_total{source="vrouter",reason="${NO_ROUTE}",class="lost",` +
  'cause="",vif="vif0/1",device="tap1",direction="receive"}';

/** Sends echo requests to nobody, all at once. */
async function pingNobody(count: number): Promise<void> {
  const options = ["-q", "-c", `${count}`, "-l", `${count}`, "-W", "1"];
  await run("ip", ["netns", "exec", "vm1", "ping", ...options, NOBODY]);
}

/** What the module counts for pings to nobody. */
async function countedFor(count: number): Promise<number> {
  const before = dropCounters();
  await pingNobody(count);
  return dropsSince(before).get(DROP.L2_NO_ROUTE) ?? 0;
}

/** Gets metrics until they are as wanted. */
async function metricsUntil(what: string, wanted: (text: string) => boolean): Promise<string> {
  return await until(what, async () => {
    const text = await (await fetch(`http://${ADDRESS}/metrics`)).text();
    return wanted(text) ? text : undefined;
  });
}

/** The reason of each drop that metrics count, as often as they count it. */
function drops(text: string): string[] {
  const samples = text.matchAll(
    /^vrft_packet_dropped_total\{source="vrouter",reason="([^"]*)".*\} (\d+)$/gm,
  );
  return Array.from(samples, ([, reason, count]) => Array(Number(count)).fill(reason)).flat();
}

/** Lines of drops, without those below for what else is known of them. */
function linesOf(stdout: string): string[] {
  return stdout.split("\n").filter((line) => line !== "" && !line.startsWith(" "));
}

Deno.test("vrft drops", async (test) => {
  await using _network = await realNetwork();
  // Else the kernel itself drops what is sent at once, before vrouter sees it.
  await must("sysctl", "-qw", "net.core.netdev_max_backlog=10000");

  await test.step("prints a line for each ping to a MAC address that nobody has, in a flood, too", async () => {
    const folder = Deno.makeTempDirSync();
    const file = `${folder}/vrft.prom`;
    const textfile = ["--textfile", file, "--interval", "500ms"];
    await using trace = await Trace.live("drops", "--lines", "--listen", ADDRESS, ...textfile);
    assert.equal(await countedFor(PINGS), PINGS);
    assert.equal(await countedFor(FLOOD), FLOOD);
    const isAll = (text: string): boolean => text.includes(`${DROPPED} ${PINGS + FLOOD}\n`);
    // The module counts from its start on. Its counters are read once a second.
    const counted = `vrft_module_packet_dropped_total{reason="${NO_ROUTE}"} ` +
      `${dropCounters().get(DROP.L2_NO_ROUTE)}\n`;
    const served = await metricsUntil(
      "all drops",
      (text) => isAll(text) && text.includes(counted),
    );
    assert.match(served, /^vrft_module_vif_packet_dropped_total\{vif="vif0\/1",device="tap1",/m);
    assert.match(served, /^vrft_events_lost_total 0$/m);
    await until("all drops in the file", () => isAll(Deno.readTextFileSync(file)));
    const { code, stdout, stderr } = await trace.stop();
    assert.equal(code, 0, stderr);
    const lines = linesOf(stdout);
    assert.equal(lines.length, PINGS + FLOOD, stderr);
    const expected = new RegExp(
      "^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  No L2 Route +" +
        `vif0/1 tap1 +VRF ${VRF}  10\\.1\\.1\\.1 > 10\\.1\\.1\\.50 icmp echo request.*, 98 bytes$`,
    );
    for (const line of lines) assert.match(line, expected);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    assert.match(stderr, /No L2 Route: module 1,003, seen 1,003\n/);
    assert.match(stderr, / 1,003 drops: 1,003 lost; 0 events lost;/);
  });

  await test.step("says how many drops are missing if its buffer is full", async () => {
    await using trace = await Trace.live("drops", "--lines", "--buffer", "64K");
    trace.signal("SIGSTOP");
    assert.equal(await countedFor(FLOOD), FLOOD);
    trace.signal("SIGCONT");
    const { stdout, stderr } = await trace.stop();
    const shown = linesOf(stdout).filter((line) => line.includes("  No L2 Route ")).length;
    const lost = Number(/; ([\d,]+) events lost;/.exec(stderr)?.[1]?.replace(",", ""));
    const missing = FLOOD - shown;
    // One of another kind may be lost with them.
    assert.ok(shown > 0 && missing > 0 && lost >= missing && lost < missing + 10, stderr);
    const said = `${missing} ${missing === 1 ? "drop was" : "drops were"} not seen; ` +
      `${lost} events were lost`;
    assert.ok(stderr.includes(`No L2 Route: module 1,000, seen ${shown}: ${said}\n`), stderr);
  });

  await test.step("neither shows housekeeping nor fails for it, but counts it", async () => {
    await using trace = await Trace.live("drops", "--json", "--fail-on-drop", "--listen", ADDRESS);
    for (const scenario of SCENARIOS) {
      if (["DUPLICATED", "CLONED_ORIGINAL"].includes(`${scenario.drop.reason}`)) {
        await provoke(scenario);
      }
    }
    const served = await metricsUntil("four drops", (text) => drops(text).length === 4);
    const { code, stdout, stderr } = await trace.stop();
    assert.doesNotMatch(stdout, /"type":"drop"/);
    const counters = stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
      .filter(({ type, vif }) => type === "counter" && vif === null);
    const seen = counters.flatMap(({ reason: { name }, seen }) => Array(seen).fill(name));
    assert.deepEqual(drops(served).sort(), seen.sort());
    assert.match(stderr, /Duplicate: module 2, seen 2\n/);
    assert.match(stderr, /Cloned Original: module 2, seen 2\n/);
    assert.match(stderr, / 0 drops; .*; 4 drops not shown;/);
    assert.equal(code, 0);
  });
});
