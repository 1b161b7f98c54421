/**
 * The formats that a trace can be printed in. A new one is a file, its line here, and its name with a
 * description in `src/cli/invocation.ts`.
 *
 * @module
 */

import type { FormatName } from "../cli/invocation.ts";
import { EVENTS } from "./events.ts";
import { TEXT } from "./text.ts";
import type { Format } from "./view.ts";

/** The formats by name. */
export const VIEWS: Readonly<Record<FormatName, Format>> = {
  text: TEXT,
  events: EVENTS,
};
