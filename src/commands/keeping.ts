/**
 * What commands keep from one start to the next.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { VROUTER } from "../kernel/functions.ts";
import { packetOffsets } from "../kernel/packet_offsets.ts";
import type { Keeping } from "../kernel/sources.ts";
import { hasFprobe } from "../probe/backends/multi.ts";
import { sessionTakesContext } from "../probe/backends/session.ts";
import { hasTrampolines } from "../probe/backends/trampoline.ts";
import { openProgramCache } from "../sys/program_cache.ts";
import { dropReasons } from "../trace/drop_words.ts";

/** Where the survey of the kernel is kept; `null` without a cache. @param debug receives why it is not */
export function keepingOf(debug: (message: string) => void): Keeping | null {
  const cache = openProgramCache();
  return cache && { cache, debug, ask };
}

/** What every trace asks. Further questions would make the first start longer. */
function ask(kernel: Btf, vrouter: Btf | null): void {
  if (sessionTakesContext(kernel) === undefined) hasFprobe(kernel);
  hasTrampolines(kernel);
  if (vrouter === null) return;
  packetOffsets([{ module: VROUTER, btf: vrouter }]);
  dropReasons(vrouter);
}
