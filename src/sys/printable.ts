/**
 * Makes outside text harmless for a terminal.
 *
 * @module
 */

/**
 * What a terminal may act on or cannot show: controls (C0, DEL, C1), invisible format characters
 * (bidirectional overrides among them), line and paragraph separators, lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * `text` on one line, with every character that a terminal could act on written as `\xNN`, or as
 * `\u{NNNN}` above 0xff. Use it for each name supplied by the kernel, a file or a user; a device
 * name may contain any byte but `/`, `:` and white space (dev_valid_name() in net/core/dev.c).
 *
 * @example
 * ```ts
 * printable("tap\x1b[2J"); // "tap\\x1b[2J"
 * ```
 */
export function printable(text: string): string {
  // The common case; the other pattern takes 30 ms to compile on a slow machine.
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0)!;
    return code <= 0xff
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u{${code.toString(16).padStart(4, "0")}}`;
  });
}

/**
 * `value` as indented JSON that ends with a newline. JSON itself escapes only C0; here everything that
 * {@linkcode printable} escapes is written as `\uNNNN`, which a JSON parser decodes.
 */
export function printableJson(value: unknown): string {
  // Newlines written by JSON.stringify() between values.
  return `${escaped(JSON.stringify(value, null, 2), "\n")}\n`;
}

/** Like {@linkcode printableJson}, on one line. */
export function printableJsonLine(value: unknown): string {
  return `${escaped(JSON.stringify(value), "")}\n`;
}

/** JSON with `\uNNNN` for whatever a terminal may act on, but not for `kept`. */
function escaped(json: string, kept: string): string {
  // As in printable().
  if (/^[\x20-\x7e]*$/.test(json)) return json;
  return json.replace(UNPRINTABLE, (character) => {
    if (character === kept) return character;
    let text = "";
    for (let unit = 0; unit < character.length; unit++) {
      text += `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`;
    }
    return text;
  });
}
