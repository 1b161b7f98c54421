/**
 * The program in the page that `--format html` writes: scripts/build makes build/page.html of it.
 *
 * @module
 */

import { render } from "preact";
import { App } from "./app.tsx";
import { readTrace } from "./trace.ts";

const root = document.getElementById("app")!;

try {
  const trace = await readTrace(document.getElementById("data")!.textContent);
  const { host } = trace.data;
  document.title = host === "" ? "vRouter trace" : `vRouter trace of ${host}`;
  const show = (isPrinting: boolean): void =>
    render(<App trace={trace} isPrinting={isPrinting} />, root);
  show(false);
  // It says so before it lays the page out for paper.
  addEventListener("beforeprint", () => show(true));
  addEventListener("afterprint", () => show(false));
  performance.mark("vrft-ready");
} catch (error) {
  root.textContent = `Cannot show the trace: ${error instanceof Error ? error.message : error}`;
}
