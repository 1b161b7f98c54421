/**
 * What a recording has, by its blocks' heads: of its records, none is decompressed.
 *
 * @module
 */

import { BLOCK_RECORDS } from "./format.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import type { Ending, RecordingReader } from "./reader.ts";
import type { Sections } from "./sections.ts";

/** More than vrouter has at a time. */
const MAX_VIFS = 16_384;

/** Counts of a recording. */
export interface Survey {
  /** Bytes of whole blocks. */
  readonly bytes: number;
  readonly blocks: number;
  readonly records: number;
  /** Records lost, as far as whole blocks tell. */
  readonly lost: number;
  /** Least and greatest time of a record; `null` without any. */
  readonly times: { readonly first: bigint; readonly last: bigint } | null;
  readonly ending: Ending;
  /** The vifs that there were at any time, each name of an index once. */
  readonly allVifs: readonly Vif[];
}

/** Hops through the rest of a recording; its sections are those of the reader afterwards. */
export function survey(reader: RecordingReader): Survey {
  let times: { first: bigint; last: bigint } | null = null;
  const vifs = new Map<string, Vif>();
  let latest: Sections["vifs"] | undefined;
  const noteVifs = (): void => {
    const present = reader.sections.get("vifs");
    if (present === latest) return;
    latest = present;
    for (const vif of present?.all ?? []) {
      if (vifs.size < MAX_VIFS) vifs.set(`${vif.index} ${vif.ifindex} ${vif.name}`, vif);
    }
  };
  noteVifs();
  for (let head = reader.skip(); head !== null; head = reader.skip()) {
    noteVifs();
    if (head.type !== BLOCK_RECORDS || head.records === 0) continue;
    const { first, last } = head;
    times ??= { first, last };
    if (first < times.first) times.first = first;
    if (last > times.last) times.last = last;
  }
  const { bytes, blocks, records, lost, ending } = reader;
  return { bytes, blocks, records, lost, times, ending: ending!, allVifs: [...vifs.values()] };
}
