/**
 * Reasons of drops by the numbers of the vrouter module that runs, and by what people call them.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import { nearest } from "../sys/similar.ts";
import { type DropClass, KNOWN_REASONS, type KnownReason } from "./known_drop_reasons.ts";

export type { DropClass };

/** A reason of the module that runs. */
export interface VrouterDropReason {
  /** In the module's enum. */
  readonly number: number;
  /** In the module's enum, `VP_DROP_DISCARD`; the number if it has no name. */
  readonly name: string;
  /** As `dropstats` prints it; the name if vrft does not know it. */
  readonly label: string;
  readonly class: DropClass;
  /** What it really means; empty if vrft does not know it. */
  readonly meaning: string;
}

/** Ends the enum, and counts its values. */
const LAST = "VP_DROP_MAX";
/** Longer words are of no use, and would take time to compare. */
const MAXIMUM_WORD = 64;
/** Reasons that a wrong word may have been meant to be, at most. */
const MAXIMUM_NEAR = 3;

const KNOWN: ReadonlyMap<string, KnownReason> = new Map(
  KNOWN_REASONS.map((reason) => [reason.name, reason]),
);

/** The reasons that vrft knows, as a word of the command line each: `flow-action-drop`. */
export const REASON_WORDS: readonly string[] = KNOWN_REASONS.map(({ label }) =>
  label.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/-$/, "")
);

/** The reasons of one module. */
export class DropReasons {
  readonly #byNumber: ReadonlyMap<number, VrouterDropReason>;
  /** By each spelling, without its case and punctuation. */
  readonly #bySpelling = new Map<string, VrouterDropReason>();

  /** @param names of the module's enum by number, from its BTF (`VP_DROP_*`) */
  constructor(names: ReadonlyMap<number, string>) {
    this.#byNumber = new Map(
      [...names].filter(([, name]) => name !== LAST)
        .map(([number, name]) => [number, reasonNamed(number, name)]),
    );
    for (const reason of this.#byNumber.values()) {
      for (const spelling of spellingsOf(reason)) this.#bySpelling.set(plain(spelling), reason);
    }
  }

  /** All reasons of the module, by number. */
  get all(): readonly VrouterDropReason[] {
    return [...this.#byNumber.values()].sort((a, b) => a.number - b.number);
  }

  /** A reason by its number; one that the module's enum does not have is called by the number. */
  reason(number: number): VrouterDropReason {
    const name = String(number);
    return this.#byNumber.get(number) ??
      { number, name, label: name, class: "unknown", meaning: "" };
  }

  /** A reason by its name in the enum; `undefined` if the module does not have it. */
  named(name: string): VrouterDropReason | undefined {
    return this.#bySpelling.get(plain(name));
  }

  /**
   * The reasons that a user means: `dropstats`' labels, those of older releases, names of the enum with
   * and without `VP_DROP_`, and any of them with dashes for blanks, in any case.
   *
   * @param others further reasons that a wrong word may have been meant to be
   * @returns their numbers, each once
   * @throws {Failure} `usage` for a word that means none
   */
  parse(words: readonly string[], others: readonly string[] = []): number[] {
    return [...new Set(words.map((word) => this.#parse(word, others).number))];
  }

  #parse(word: string, others: readonly string[]): VrouterDropReason {
    const found = this.#bySpelling.get(plain(word));
    if (found !== undefined) return found;
    const named = KNOWN_REASONS.find((known) =>
      spellingsOf(known).some((one) => plain(one) === plain(word))
    );
    throw new Failure(
      "usage",
      `Cannot select drops by reason "${printable(word.slice(0, MAXIMUM_WORD))}": ` +
        (named === undefined ? this.#unknown(word, others) : this.#missing),
    );
  }

  get #missing(): string {
    return this.#byNumber.size === 0
      ? "it is one of vrouter's, whose reasons are not known here"
      : "the loaded vrouter module does not have it";
  }

  #unknown(word: string, others: readonly string[]): string {
    const near = this.#similarTo(word, others).slice(0, MAXIMUM_NEAR);
    const advice = near.length === 0
      ? "reasons have the names that dropstats prints, or those of the kernel's skb_drop_reason"
      : `did you mean ${near.map((one) => `"${one}"`).join(" or ")}?`;
    return `there is no such reason; ${advice}`;
  }

  /** Labels and others of the reasons that a word looks like, the most similar first. */
  #similarTo(word: string, others: readonly string[]): string[] {
    const letters = plain(word);
    if (letters.length < 2 || letters.length > MAXIMUM_WORD) return [];
    const known = new Map(others.map((other) => [plain(other), other]));
    for (const [spelling, { label }] of this.#bySpelling) known.set(spelling, label);
    const near = nearest(letters, [...known.keys()], {
      limit: (spelling) => Math.ceil(spelling.length / 4),
      beginnings: true,
    });
    return [...new Set(near.map((spelling) => known.get(spelling)!))];
  }
}

function reasonNamed(number: number, name: string): VrouterDropReason {
  const known = KNOWN.get(name);
  if (known === undefined) return { number, name, label: name, class: "unknown", meaning: "" };
  return { number, name, label: known.label, class: known.class, meaning: known.meaning };
}

function spellingsOf({ name, label }: Pick<KnownReason, "name" | "label">): string[] {
  return [name, label, ...KNOWN.get(name)?.older ?? []];
}

/** `word` without prefix, case and punctuation: what its spellings have in common. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, "").replace(/^(vpdrop|skbdropreason)/, "");
}
