/**
 * The formats that a trace can be printed in. A new one is a file, its line here, and its name with a
 * description in `src/cli/invocation.ts`.
 *
 * @module
 */

import type { FormatName } from "../cli/invocation.ts";
import { EVENTS } from "./events.ts";
import { PLAIN_TEXT, TEXT } from "./text.ts";
import type { Format } from "./view.ts";

/** The formats by name. */
export const VIEWS: Readonly<Record<FormatName, Format>> = {
  text: TEXT,
  events: EVENTS,
};

/**
 * The format of a trace.
 *
 * @param plain whether text is to be as vrftrace2 prints it
 */
export function formatOf({ format, plain }: { format: FormatName; plain: boolean }): Format {
  return plain && format === "text" ? PLAIN_TEXT : VIEWS[format];
}
