import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { amount } from "../../src/sys/amount.ts";
import { openPage, whyNoBrowser } from "../support/browser.ts";
import { readPage } from "../support/html_page.ts";
import { REASONS } from "../support/journey_scene.ts";
import { HOSTILE, pageScene } from "../support/page_scene.ts";
import { Random } from "../support/random.ts";

const SEED = 14;
const PACKETS = 2300;
const MISSING = ["120 events lost", "3 probe hits missed"];

const why = whyNoBrowser();

/** Text of an element. */
async function textOf(page: Page, selector: string): Promise<string> {
  return await page.locator(selector).innerText();
}

/** Relative luminance and contrast of WCAG 2, of colours `rgb(1, 2, 3)`. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string): number => {
    const parts = [...colour.matchAll(/\d+/g)].slice(0, 3).map(([part]) => Number(part) / 255);
    const [red, green, blue] = parts.map((part) =>
      part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    );
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light! + 0.05) / (dark! + 0.05);
}

/** Colours of texts of each tone, and of what is behind them. */
function coloursOf(page: Page): Promise<{ back: string; texts: string[] }> {
  return page.evaluate(() => {
    const tones = ["", "dim", "tone-good", "tone-bad", "tone-warning", "tone-agent", "tone-lost"];
    const texts = tones.map((tone) => {
      const span = document.createElement("span");
      span.className = tone;
      document.body.append(span);
      const { color } = getComputedStyle(span);
      span.remove();
      return color;
    });
    return { back: getComputedStyle(document.body).backgroundColor, texts };
  });
}

Deno.test({
  name: `a browser shows a trace of 100,000 calls${why === "" ? "" : ` (skipped: ${why})`}`,
  ignore: why !== "",
  // The browser's driver keeps both.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (test) => {
  const scene = await pageScene(new Random(SEED), {
    packets: PACKETS,
    hostile: true,
    missing: MISSING,
  });
  const { data } = await readPage(scene.bytes);
  assert.ok(scene.calls > 100_000);
  await using opened = await openPage(scene.bytes);
  const { page, requests, errors } = opened;

  await test.step("it is ready soon", async () => {
    const ready = await page.evaluate(() => {
      const [navigation] = performance.getEntriesByType(
        "navigation",
      ) as PerformanceNavigationTiming[];
      const [mark] = performance.getEntriesByName("vrft-ready");
      return mark!.startTime - navigation!.responseEnd;
    });
    console.log(`${amount(scene.calls)} calls, ${scene.bytes.length} bytes: ${ready | 0} ms`);
  });

  await test.step("it counts what the trace has, and says on top what is missing", async () => {
    const head = await textOf(page, "header");
    const drops = [...scene.drops.values()].reduce((all, one) => all + one, 0);
    for (const count of [`${PACKETS} packet`, `${scene.calls} call`, `${drops} drop`]) {
      assert.ok(head.replaceAll(",", "").includes(count), `${count} in ${head}`);
    }
    assert.equal(await textOf(page, "#missing"), `Not all is here: ${MISSING.join("; ")}`);
  });

  await test.step("a search finds the packets that have all of its words", async () => {
    const find = async (query: string): Promise<number> => {
      await page.fill("#search", query);
      const found = await textOf(page, "#found");
      return Number(/^[\d,]+/.exec(found)![0].replaceAll(",", ""));
    };
    const { packets, texts } = data;
    const matching = (has: (row: number) => boolean): number =>
      packets.number.filter((_, row) => has(row)).length;
    const text = (row: number): string => texts[packets.text[row]!]!;
    assert.equal(await find(""), PACKETS);
    assert.equal(await find("TCP"), matching((row) => / tcp /.test(text(row))));
    assert.equal(
      await find("udp !10.1.1.3"),
      matching((row) => / udp /.test(text(row)) && !/10\.1\.1\.3/.test(text(row))),
    );
    assert.equal(await find("#17"), 1);
    const limit = 400_000;
    assert.equal(await find(">400us"), matching((row) => packets.duration[row]! > limit));
    const policy = scene.drops.get(11)!;
    assert.equal(await find("flow action drop"), policy);
    assert.equal(await find("fn:nh_vxlan_tunnel fn:vm_rx"), await find("left fab0"));
    assert.equal(await find("no such thing"), 0);
    const index = data.outcomes.indexOf("dropped");
    await page.fill("#search", "");
    await page.selectOption("#outcome", `${index}`);
    const dropped = matching((row) => packets.type[row] === index);
    assert.equal(await textOf(page, "#found"), `${dropped} of 2,300 packets`);
    await page.selectOption("#outcome", "");
  });

  await test.step("a packet has its decisions, its stages and its calls", async () => {
    await page.fill("#search", "left fab0");
    await page.keyboard.press("ArrowDown");
    const row = data.packets.text.findIndex((_, row) =>
      data.texts[data.packets.outcome[row]!] === "left fab0"
    );
    await page.keyboard.press("Home");
    const packet = await textOf(page, ".packet");
    assert.ok(packet.includes(`#${data.packets.number[row]}`), packet);
    assert.ok(
      packet.includes(
        "L2 02:00:00:00:00:02 > nh 50 Tunnel Valid Vxlan 172.16.0.1 > 172.16.0.2  VNI 5001",
      ),
      packet,
    );
    for (const stage of ["rx", "flow", "nexthop", "encap", "tx"]) assert.ok(packet.includes(stage));
    assert.ok(packet.includes(`${data.packets.calls[row]} calls in`));
    const call = page.locator("#calls .fn").first();
    assert.equal(await call.evaluate(({ firstChild }) => firstChild!.textContent), "__netif_rx");
    // Also those at the very end can be seen.
    await page.fill("#search", "No L2 Route");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Home");
    await page.locator("#calls").focus();
    await page.keyboard.press("End");
    const hidden = await page.evaluate(() =>
      [...document.querySelectorAll("#calls .bar")].filter((bar) => {
        const [whole, part] = [bar, bar.firstElementChild!].map((one) =>
          one.getBoundingClientRect()
        );
        return part!.right > whole!.right + 0.1 || part!.width < 1.9;
      }).length
    );
    assert.equal(hidden, 0);
    await page.fill("#search", "");
  });

  await test.step("all can be reached by keys, and few rows are in the document", async () => {
    await page.keyboard.press("Escape");
    await page.keyboard.press("End");
    const active = (): Promise<string> => page.evaluate(() => document.activeElement!.id);
    assert.equal(await active(), "packets");
    assert.ok((await textOf(page, "#packets [aria-selected=true]")).includes(`#${PACKETS}`));
    assert.ok((await textOf(page, ".packet h2")).startsWith(`#${PACKETS} `));
    assert.ok(await page.locator("#packets .row").count() < 100);
    await page.keyboard.press("PageUp");
    await page.keyboard.press("ArrowUp");
    const chosen = await textOf(page, ".packet h2");
    assert.ok(!chosen.startsWith(`#${PACKETS} `), chosen);
    await page.keyboard.press("Enter");
    assert.equal(await active(), "calls");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(".waterfall h3 button").count(), 1);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".waterfall h3 button").count(), 0);
    await page.keyboard.press("/");
    await page.waitForFunction(() => document.activeElement?.id === "search");
    await page.keyboard.press("Escape");
    assert.equal(await active(), "packets");
    await page.keyboard.press("?");
    assert.ok(await page.locator("dialog").isVisible());
    await page.keyboard.press("Escape");
    assert.ok(!await page.locator("dialog").isVisible());
  });

  await test.step("a list that is scrolled has rows wherever it is", async () => {
    const height = await page.evaluate(() => document.getElementById("packets")!.scrollHeight);
    for (const share of [0.1, 0.5, 0.9, 0]) {
      const shown = await page.evaluate(async (top) => {
        const list = document.getElementById("packets")!;
        list.scrollTop = top;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        const { left, top: y, height } = list.getBoundingClientRect();
        return [5, height / 2, height - 30].map((below) =>
          document.elementFromPoint(left + 30, y + below)!.closest(".row") !== null
        );
      }, height * share);
      assert.deepEqual(shown, [true, true, true]);
    }
    const frames = await page.evaluate(async () => {
      const list = document.getElementById("packets")!;
      const start = performance.now();
      for (let frame = 0; frame < 60; frame++) {
        list.scrollTop += 500;
        await new Promise((done) => requestAnimationFrame(done));
      }
      return 60_000 / (performance.now() - start);
    });
    console.log(`${frames | 0} frames a second while the list is scrolled`);
  });

  await test.step("stages have their packets and a histogram", async () => {
    await page.keyboard.press("2");
    const rows = await page.locator(".statistics tbody tr").allInnerTexts();
    assert.equal(rows.length, data.stages.length);
    assert.match(rows.at(-1)!, new RegExp(`^total\\s+${amount(PACKETS)}\\s`));
    assert.equal(await page.locator(".histogram").count(), data.stages.length);
  });

  await test.step("drops are counted by their reasons, vifs and nexthops", async () => {
    await page.keyboard.press("3");
    for (const [reason, count] of scene.drops) {
      const { label } = REASONS[reason]!;
      const row = page.locator(".groups tr", { hasText: label });
      assert.equal(await row.locator("td").first().innerText(), amount(count));
    }
    const drawn = await page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>("#chart canvas")!;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value !== 0);
    });
    assert.ok(drawn);
    await page.getByLabel("nexthop").check();
    const discards = await page.locator(".groups tr", { hasText: "nh 0" }).innerText();
    assert.match(discards, new RegExp(`\\s${scene.drops.get(1)}\\s`));
    // Keys for views work wherever nobody types.
    await page.keyboard.press("2");
    await page.keyboard.press("3");
    await page.locator("#drops").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.ok((await textOf(page, ".packet")).includes("dropped: "));
  });

  await test.step("the flame graph is explored by keys", async () => {
    await page.keyboard.press("4");
    await page.locator("#flame").focus();
    for (const key of ["ArrowDown", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    const said = await textOf(page, ".flame output");
    assert.match(said, /^\w+: [\d.]+ .?s, [\d.]+ % of all; itself [\d.]+ .?s in [\d,]+ calls$/);
    await page.keyboard.press("Escape");
    const calls = data.flame.calls.reduce((all, one) => all + one, 0);
    assert.equal(calls, scene.calls);
  });

  await test.step("all can be read in light and in dark", async () => {
    const schemes = new Set<string>();
    for (const _ of ["light", "dark"]) {
      const { back, texts } = await coloursOf(page);
      schemes.add(back);
      for (const text of texts) assert.ok(contrast(text, back) >= 4.5, `${text} on ${back}`);
      await page.keyboard.press("t");
    }
    assert.equal(schemes.size, 2);
  });

  await test.step("on paper all views follow one another, in black on white", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    const seen = page.evaluate(() =>
      new Promise<{ titles: string[]; rows: number; back: string }>((done) => {
        addEventListener("beforeprint", () =>
          done({
            titles: [...document.querySelectorAll("main h2")].map(({ textContent }) => textContent),
            rows: document.querySelectorAll("#packets .row").length,
            back: getComputedStyle(document.body).backgroundColor,
          }), { once: true });
      })
    );
    const pdf = await page.pdf({ format: "A4" });
    const { titles, rows, back } = await seen;
    for (const title of ["Packets", "Stages", "Drops", "Flame graph"]) {
      assert.ok(titles.includes(title), titles.join());
    }
    assert.ok(rows > 100 && rows <= 300, `${rows}`);
    assert.equal(back, "rgb(255, 255, 255)");
    assert.ok(pdf.length > 10_000);
    await page.waitForFunction(() => document.querySelector(".paper") === null);
    await page.emulateMedia({ colorScheme: "light" });
  });

  await test.step("nothing leaves the page, and no name in it runs", async () => {
    await page.keyboard.press("1");
    await page.fill("#search", HOSTILE.split(" ")[0]!);
    assert.notEqual(await textOf(page, "#found"), `0 of ${amount(PACKETS)} packets`);
    assert.equal(await page.locator("img").count(), 0);
    assert.equal(await page.title(), "vRouter trace of compute-7");
    assert.deepEqual(requests.map((url) => url.replace(/.*\//, "")), ["page.html"]);
    assert.deepEqual(errors, []);
    // And it could not, if something in it tried.
    const tried = await page.evaluate(async () => {
      const script = document.createElement("script");
      script.textContent = "document.title = 'hit'";
      document.body.append(script);
      const fetched = await fetch("data:,x").then(() => "fetched", () => "refused");
      return { title: document.title, fetched };
    });
    assert.deepEqual(tried, { title: "vRouter trace of compute-7", fetched: "refused" });
  });
});
