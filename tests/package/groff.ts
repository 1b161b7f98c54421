/**
 * Renders manual pages by groff, as man does.
 *
 * @module
 */

import { attempt, TemporaryFolder } from "./commands.ts";

/** A page as it would be read, without bold and the like. */
export interface Rendered {
  /** With ASCII hyphens. */
  readonly text: string;
  /** All that groff has to complain about. */
  readonly warnings: string;
}

/** Renders a page, with every warning that groff has. */
export async function renderRoff(page: string): Promise<Rendered> {
  await using folder = await TemporaryFolder.make();
  await Deno.writeTextFile(`${folder.path}/page`, page);
  const plain = ["-P-c", "-P-b", "-P-o", "-P-u"];
  const args = ["-man", "-Tutf8", "-ww", ...plain, `${folder.path}/page`];
  const { stdout, stderr } = await attempt("groff", args);
  return { text: stdout.replaceAll("\u2010", "-"), warnings: stderr };
}
