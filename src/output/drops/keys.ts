/**
 * Keys of a terminal, from the bytes that it sends.
 *
 * @module
 */

/** Names of the keys that are more than one byte, by what follows `ESC [` or `ESC O`. */
const SEQUENCES: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  "5~": "page up",
  "6~": "page down",
  H: "home",
  F: "end",
};

// deno-lint-ignore no-control-regex -- ESC is what it is about
const SEQUENCE = /^\x1b[[O]([0-?]*[ -/]*[@-~])/;
/** The beginning of a sequence of which the rest is still to come. */
// deno-lint-ignore no-control-regex -- as above
const INCOMPLETE = /^\x1b(?:[[O][0-?]*[ -/]*)?$/;
/** Longest sequence that is waited for. */
const MAX_INCOMPLETE = 16;

/** Tells keys from each other. */
export class Keys {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** Names of keys: the character itself, `enter`, `up`. Keys without a name here are left out. */
  read(bytes: Uint8Array): string[] {
    let text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    this.#rest = "";
    const keys: string[] = [];
    while (text !== "") {
      const [sequence, name = ""] = SEQUENCE.exec(text) ?? [];
      if (sequence !== undefined) {
        const key = SEQUENCES[name];
        if (key !== undefined) keys.push(key);
        text = text.slice(sequence.length);
        continue;
      }
      if (INCOMPLETE.test(text) && text.length < MAX_INCOMPLETE) {
        this.#rest = text;
        break;
      }
      const [character = ""] = text;
      if (character === "\r" || character === "\n") keys.push("enter");
      else if (character >= " " && character !== "\x7f") keys.push(character);
      text = text.slice(character.length);
    }
    return keys;
  }
}
