/**
 * Takes the picture for README: `deno run -A scripts/screenshot.ts OUTPUT`.
 *
 * @module
 */

import { openPage } from "../tests/support/browser.ts";
import { pageScene } from "../tests/support/page_scene.ts";
import { Random } from "../tests/support/random.ts";

const SEED = 14;
const PACKETS = 400;

const [output] = Deno.args;
if (output === undefined) throw new Error("The file to write is missing");
const { bytes } = await pageScene(new Random(SEED), { packets: PACKETS });
await using opened = await openPage(bytes, { width: 1200, height: 600 });
const { page } = opened;
// A packet into a tunnel, among others that were dropped.
await page.fill("#search", "!delivered");
await page.keyboard.press("ArrowDown");
await page.keyboard.press("Home");
while (!(await page.locator(".packet").innerText()).includes("Tunnel")) {
  await page.keyboard.press("ArrowDown");
}
await page.screenshot({ path: output });
