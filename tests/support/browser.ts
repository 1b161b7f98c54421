/**
 * Debian's Chromium, without a network, for pages that vrft writes.
 *
 * @module
 */

import { type Browser, chromium, type Page } from "playwright-core";
import { whyNoFile } from "./skip.ts";

const PROGRAM = "/usr/bin/chromium";
/** Milliseconds: on a busy machine, a browser takes seconds to start. */
const TIMEOUT = 60_000;

/** Why there is no browser; empty if there is one. */
export function whyNoBrowser(): string {
  return whyNoFile(PROGRAM);
}

/** A page in a browser. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** What the page has asked for by the network or from files, itself included. */
  readonly requests: readonly string[];
  /** What went wrong in it, by its console. */
  readonly errors: readonly string[];
}

/** What the browser is like. */
export interface BrowserOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
}

/** Shows a page. @param bytes its file */
export async function openPage(
  bytes: Uint8Array,
  { width = 1400, height = 900, colorScheme = "light" }: BrowserOptions = {},
): Promise<OpenPage> {
  const folder = await Deno.makeTempDir({ prefix: "vrft-page-" });
  await Deno.writeFile(`${folder}/page.html`, bytes);
  let browser: Browser | null = null;
  const close = async (): Promise<void> => {
    await browser?.close();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    // Tests may run as root, for whom the sandbox does not work.
    const args = ["--no-sandbox", "--disable-dev-shm-usage"];
    browser = await chromium.launch({ executablePath: PROGRAM, args, timeout: TIMEOUT });
    const viewport = { width, height };
    const context = await browser.newContext({ viewport, colorScheme, offline: true });
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT);
    const requests: string[] = [];
    const errors: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.goto(`file://${folder}/page.html`);
    await page.waitForFunction(() => performance.getEntriesByName("vrft-ready").length > 0);
    return { page, requests, errors, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
