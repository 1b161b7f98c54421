/**
 * The formats that a trace can be printed in. A new one is a file, its line here, and its name with a
 * description in `src/cli/invocation.ts`.
 *
 * @module
 */

import type { ExportFormat, FormatName, ShowItem } from "../cli/invocation.ts";
import { CALLS_JSON } from "./calls_json.ts";
import { COLLAPSED } from "./collapsed.ts";
import { EVENTS } from "./events.ts";
import { HTML } from "./html.ts";
import { OTLP } from "./otlp.ts";
import { PCAPNG } from "./pcapng.ts";
import { PERFETTO } from "./perfetto.ts";
import { SPEEDSCOPE } from "./speedscope.ts";
import { PLAIN_TEXT, TEXT } from "./text.ts";
import { TRACE_DAT } from "./trace_dat.ts";
import type { Format } from "./view.ts";

/** The formats by name. */
export const VIEWS: Readonly<Record<FormatName, Format>> = {
  text: TEXT,
  json: CALLS_JSON,
  pcapng: PCAPNG,
  perfetto: PERFETTO,
  events: EVENTS,
};

/** The formats that a recording is exported to, by name. */
export const EXPORTS = {
  text: TEXT,
  json: CALLS_JSON,
  pcapng: PCAPNG,
  perfetto: PERFETTO,
  speedscope: SPEEDSCOPE,
  "trace.dat": TRACE_DAT,
  collapsed: COLLAPSED,
  html: HTML,
  otlp: OTLP,
} as const satisfies Readonly<Record<ExportFormat, Format>>;

/** What the format of a trace depends on. */
export interface FormatChoice {
  readonly format: FormatName;
  /** Whether text is to be as vrftrace2 prints it. */
  readonly plain: boolean;
  readonly show: readonly ShowItem[];
}

/** The format of a trace. */
export function formatOf({ format, plain, show }: FormatChoice): Format {
  if (plain && format === "text") return PLAIN_TEXT;
  const chosen = VIEWS[format];
  return show.includes("packet") ? { ...chosen, packets: true } : chosen;
}
