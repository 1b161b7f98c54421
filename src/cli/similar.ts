/**
 * Which command a wrong word was meant to be.
 *
 * @module
 */

import { nearest } from "../sys/similar.ts";
import { SUBCOMMANDS } from "./grammar.ts";

/** Share of a word's letters that may be wrong. */
const TOLERANCE = 0.4;

/** Words of pcap-filter(7) that look like a command. */
const FILTER_WORDS: ReadonlySet<string> = new Set(["port"]);

/** The command that `word` looks like, but is not; `null` if there is none. */
export function similarCommand(word: string): string | null {
  if (FILTER_WORDS.has(word)) return null;
  const [best] = nearest(word, SUBCOMMANDS.map(({ name }) => name), {
    limit: (name) => TOLERANCE * Math.max(Math.min(word.length, 2 * name.length), name.length),
  });
  return best ?? null;
}
