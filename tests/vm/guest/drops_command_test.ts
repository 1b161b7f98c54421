import assert from "node:assert/strict";
import { Receiver } from "../../support/otlp_receiver.ts";
import { fieldsAt } from "../../support/protobuf_fields.ts";
import { provoke, SCENARIOS } from "./drops.ts";
import { realNetwork, VRF } from "./real_network.ts";
import { must, run, Trace } from "./support.ts";
import { until } from "./until.ts";
import { DROP, dropCounters, dropsSince, vifDropCounters } from "./vrouter.ts";

// What does not depend on the kernel: see drops_test.ts for the rest. In VRF 1 nobody has the MAC address
// that vm1 has for this one.

const NOBODY = "10.1.1.50";
const PINGS = 3;
const FLOOD = 1000;
const METRICS = "127.0.0.1:9467";

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

/** Waits until the metrics have as many such drops, and the module's counters as the module has them. */
async function assertMetrics(count: number): Promise<void> {
  const reason = 'reason="VP_DROP_L2_NO_ROUTE"';
  const found = (text: string, name: string, labels: string): number => {
    const [, value] = new RegExp(`^${name}\\{[^}]*${labels}[^}]*\\} (\\d+)$`, "m").exec(text) ?? [];
    return Number(value);
  };
  const module = dropCounters().get(DROP.L2_NO_ROUTE)!;
  const ofVif = vifDropCounters(1).get(DROP.L2_NO_ROUTE)!;
  const wanted = { seen: count, module, ofVif };
  let text = "";
  await until("the metrics of all drops", async () => {
    text = await (await fetch(`http://${METRICS}/metrics`)).text();
    const is = {
      seen: found(text, "vrft_packet_dropped_total", `${reason}.*vif="vif0/1"`),
      module: found(text, "vrft_module_packet_dropped_total", reason),
      ofVif: found(text, "vrft_module_vif_packet_dropped_total", `vif="vif0/1".*${reason}`),
    };
    return JSON.stringify(is) === JSON.stringify(wanted);
  });
  assert.match(text, /^vrft_events_lost_total 0$/m);
}

/** Each drop is one trace, with its reason, once. */
function assertSpans({ traces }: Receiver, count: number): void {
  // Of a request its spans, and of these the id of the trace, and the attributes.
  const spans = traces.flatMap(({ body }) => fieldsAt(body, 1, 2, 2));
  const ids = spans.flatMap((span) => fieldsAt(span, 1)).map((id) => id.toHex());
  assert.equal(spans.length, count);
  assert.equal(new Set(ids).size, count);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  for (const span of spans) {
    const reasons = fieldsAt(span, 9).filter((one) => text(fieldsAt(one, 1)[0]!) === "error.type")
      .map((one) => text(fieldsAt(one, 2, 1)[0]!));
    assert.deepEqual(reasons, ["VP_DROP_L2_NO_ROUTE"]);
  }
}

/** Lines of drops, without those below for what else is known of them. */
function linesOf(stdout: string): string[] {
  return stdout.split("\n").filter((line) => line !== "" && !line.startsWith(" "));
}

Deno.test("vrft drops", async (test) => {
  await using _network = await realNetwork();
  // Else the kernel itself drops what is sent at once, before vrouter sees it.
  await must("sysctl", "-qw", "net.core.netdev_max_backlog=10000");

  await test.step("prints, counts and sends each ping to a MAC address that nobody has, in a flood, too", async () => {
    await using receiver = new Receiver();
    await using trace = await Trace.live(
      ...["drops", "--lines", "--listen", METRICS, "--otlp", receiver.url],
    );
    assert.equal(await countedFor(PINGS), PINGS);
    await receiver.arrival();
    await receiver.stop();
    const refused = receiver.refusal();
    assert.equal(await countedFor(FLOOD), FLOOD);
    await refused;
    receiver.start();
    await assertMetrics(PINGS + FLOOD);
    const { code, stdout, stderr } = await trace.stop();
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Cannot send to \S+\/v1\/traces, trying again: /);
    assert.match(stderr, / Sent 1,003 spans to \S+ in \d requests\n/);
    assertSpans(receiver, PINGS + FLOOD);
    const lines = linesOf(stdout);
    assert.equal(lines.length, PINGS + FLOOD, stderr);
    const expected = new RegExp(
      "^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  No L2 Route +" +
        `vif0/1 tap1 +VRF ${VRF}  10\\.1\\.1\\.1 > 10\\.1\\.1\\.50 icmp echo request.*, 98 bytes$`,
    );
    for (const line of lines) assert.match(line, expected);
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
    const lost = Number(/; ([\d,]+) events? lost;/.exec(stderr)?.[1]?.replace(",", ""));
    const missing = FLOOD - shown;
    // One of another kind may be lost with them.
    assert.ok(shown > 0 && missing > 0 && lost >= missing && lost < missing + 10, stderr);
    const said = `${missing} ${missing === 1 ? "drop was" : "drops were"} not seen; ` +
      `${lost} events were lost`;
    assert.ok(stderr.includes(`No L2 Route: module 1,000, seen ${shown}: ${said}\n`), stderr);
  });

  await test.step("neither shows housekeeping nor fails for it, but counts it", async () => {
    await using trace = await Trace.live("drops", "--json", "--fail-on-drop");
    for (const scenario of SCENARIOS) {
      if (["DUPLICATED", "CLONED_ORIGINAL"].includes(`${scenario.drop.reason}`)) {
        await provoke(scenario);
      }
    }
    const { code, stdout, stderr } = await trace.stop();
    assert.doesNotMatch(stdout, /"type":"drop"/);
    assert.match(stderr, /Duplicate: module 2, seen 2\n/);
    assert.match(stderr, /Cloned Original: module 2, seen 2\n/);
    assert.match(stderr, / 0 drops; .*; 4 drops not shown;/);
    assert.equal(code, 0);
  });
});
