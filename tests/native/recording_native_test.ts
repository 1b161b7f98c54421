import assert from "node:assert/strict";
import { openPage, whyNoBrowser } from "../support/browser.ts";
import { run, VRFT } from "../support/native_vrft.ts";
import { testUnless, whyNoProgram, whyNotInstalled } from "../support/skip.ts";

// A recording of Linux 6.12 with the stand-in module, of an echo request with its reply, and of one to a MAC
// address that nobody has: `vrft record icmp`. Every view and reader has the same packet and reason.

const FILE = new URL("../data/ping-and-drop.vrft", import.meta.url).pathname;
const NOBODY = "10.1.1.77";
/** A recording needs no privilege. */
const AS_NOBODY = Deno.uid() === 0
  ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
  : [];

async function vrft(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run([...AS_NOBODY, VRFT, ...args]);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Makes an export, and has `read` use the file. */
async function exported<T>(
  args: readonly string[],
  read: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/file`;
    const made = await run([VRFT, "export", FILE, ...args, "-o", path]);
    assert.equal(made.code, 0, made.stderr);
    return await read(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("vrft packets and vrft drops show the packet that was dropped", async () => {
  const packets = await vrft("packets", "--from", FILE, "-q");
  assert.match(packets, /^#1 .* delivered tap2$/m);
  assert.match(packets, /^#2 .* delivered tap1$/m);
  assert.match(packets, new RegExp(`^#3 .* > ${NOBODY} .* dropped: No L2 Route$`, "m"));
  const drops = await vrft("drops", "--from", FILE);
  assert.match(drops, new RegExp(`No L2 Route +vif0/1 tap1 .* > ${NOBODY} icmp echo request`));
  assert.match(await vrft("info", FILE), /^events +220 in 6 blocks of 5,541 bytes/m);
});

testUnless(whyNoProgram("tshark"), "tshark finds the packet by its drop", async () => {
  await exported(["--format", "pcapng", "--at", "drop"], async (path) => {
    const filter = 'frame.comment contains "vrft.drop=L2_NO_ROUTE"';
    const fields = ["-T", "fields", "-e", "ip.dst", "-e", "frame.comment"];
    const { stdout } = await run(["tshark", "-r", path, "-Y", filter, ...fields]);
    assert.match(stdout, new RegExp(`^${NOBODY}\\t.*vrft\\.packet=3 .*\\n$`));
  });
});

testUnless(whyNotInstalled("trace-cmd"), "trace-cmd reports the drop", async () => {
  await exported(["--format", "trace.dat"], async (path) => {
    const { stdout } = await run(["trace-cmd", "report", "-i", path]);
    const drops = stdout.split("\n").filter((line) => / drop: /.test(line));
    assert.equal(drops.length, 1, drops.join("\n"));
    assert.match(drops[0]!, /packet=3 reason=L2_NO_ROUTE by=vrouter vif=1 /);
  });
});

const why = whyNoBrowser();

Deno.test({
  name: `a browser shows the packet and its drop${why === "" ? "" : ` (skipped: ${why})`}`,
  ignore: why !== "",
  // The browser's driver keeps both.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const bytes = await exported(["--format", "html"], (path) => Deno.readFile(path));
  await using opened = await openPage(bytes);
  const { page, requests, errors } = opened;
  await page.fill("#search", NOBODY);
  const list = await page.locator("body").innerText();
  assert.ok(list.includes("No L2 Route") && list.includes(NOBODY), list);
  assert.deepEqual([requests.length, errors], [1, []], "nothing but the page is asked for");
});
