/**
 * The user's packet filters: expressions of pcap-filter(7) to programs.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { type ClassicInstruction, either } from "./classic.ts";
import { type Instruction, translate, TranslationError } from "./ebpf.ts";
import { ExpressionError, Libpcap } from "./libpcap.ts";

/**
 * Filters of a trace, as given or compiled; `null` where there is none. A packet must match all that
 * there are.
 */
export interface Filters<T> {
  /** For any layer: the packet as it is, or what it encapsulates. */
  readonly any: T | null;
  /** For the packet as it is. */
  readonly outer: T | null;
  /** For the packet that it encapsulates. */
  readonly inner: T | null;
}

/** As given. */
export type Expressions = Filters<string>;

/** Compiled. */
export type PacketFilter = Filters<readonly Instruction[]>;

/** Instructions that a filter has room for. `VRFT_FILTER_ROOM` in bpf/vrft.h. */
export const FILTER_ROOM = 4096;

/**
 * Classic instructions before optimising, up to which libpcap's optimiser takes less than 0.1 s. It is
 * worse than quadratic: 1,000 addresses take it two minutes.
 */
const OPTIMIZED_UP_TO = 2_500;

/**
 * Compiles the filters of a trace. Names of hosts are looked up, as tcpdump does.
 *
 * @returns `null` without any, and libpcap is not loaded then
 * @throws {Failure} of the kind `expression` with libpcap's words
 */
export async function compileFilters(expressions: Expressions): Promise<PacketFilter | null> {
  const { any, outer, inner } = expressions;
  if (any === null && outer === null && inner === null) return null;
  using libpcap = await Libpcap.open();
  const compile = (text: string | null): readonly Instruction[] | null =>
    text === null ? null : compileExpression(libpcap, text);
  return { any: compile(any), outer: compile(outer), inner: compile(inner) };
}

/**
 * Compiles two expressions, of which a packet must match one.
 *
 * @returns both, for {@linkcode Libpcap.matches}, and a filter for packets that match either
 * @throws {Failure} of the kind `expression` with libpcap's words
 */
export function compileEither(
  libpcap: Libpcap,
  [one, other]: readonly [one: string, other: string],
): {
  readonly programs: readonly [readonly ClassicInstruction[], readonly ClassicInstruction[]];
  readonly filter: readonly Instruction[];
} {
  const compile = (text: string): readonly ClassicInstruction[] =>
    checked(text, () => {
      const classic = compileClassic(libpcap, text);
      translate(classic);
      return classic;
    });
  const programs = [compile(one), compile(other)] as const;
  const filter = checked(`(${one}) or (${other})`, () => fitting(translate(either(...programs))));
  return { programs, filter };
}

function compileExpression(libpcap: Libpcap, text: string): readonly Instruction[] {
  return checked(text, () => fitting(translate(compileClassic(libpcap, text))));
}

/** @throws {TranslationError} if there is no room for it */
function fitting(program: readonly Instruction[]): readonly Instruction[] {
  if (program.length <= FILTER_ROOM) return program;
  const count = (n: number): string => n.toLocaleString("en-GB");
  throw new TranslationError(
    `it takes ${count(program.length)} instructions, and there is room for ${
      count(FILTER_ROOM)
    }: shorten it, with net or portrange instead of long lists`,
  );
}

/**
 * What `compile` makes of an expression.
 *
 * @throws {Failure} of the kind `expression`
 */
function checked<T>(text: string, compile: () => T): T {
  try {
    return compile();
  } catch (cause) {
    if (!(cause instanceof ExpressionError || cause instanceof TranslationError)) throw cause;
    const message = `Cannot use the packet filter ${JSON.stringify(text)}: ${cause.message}`;
    throw new Failure("expression", message, { cause });
  }
}

/** Optimised, unless that would take long. */
function compileClassic(libpcap: Libpcap, text: string): readonly ClassicInstruction[] {
  const plain = libpcap.compile(text, false);
  return plain.length <= OPTIMIZED_UP_TO ? libpcap.compile(text, true) : plain;
}
