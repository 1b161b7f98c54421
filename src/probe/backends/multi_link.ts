/**
 * Attaches to many functions with one link, even if the kernel refuses some of them.
 *
 * @module
 */

import { SystemError } from "../../sys/libc.ts";
import { beyondRegisters, type RefusedFunction } from "../backend.ts";
import type { Target } from "../target.ts";
import { createMultiLink, FileDescriptor } from "../bpf_syscall.ts";
import { cookieOf } from "../layout.ts";

/** Links of one program, and the functions that could not be linked. */
export interface LinkedFunctions {
  readonly links: readonly FileDescriptor[];
  /** Indexes into the targets. */
  readonly linked: readonly number[];
  readonly refused: readonly RefusedFunction[];
}

/**
 * Links `program` to the targets whose indexes are in `indexes`, and whose packet is in a register.
 *
 * The kernel accepts all functions of a link or none (EINVAL, or ENOMEM for large ones on Linux
 * 6.7-6.11), so a refused set is retried in halves down to the offending function. Each accepted half
 * remains a link of its own.
 *
 * @param create creates a link; tests pass a fake kernel
 * @throws {SystemError} if no function can be linked
 */
export function linkFunctions(
  program: number,
  attachType: number,
  flags: number,
  targets: readonly Target[],
  indexes: readonly number[],
  create: typeof createMultiLink = createMultiLink,
): LinkedFunctions {
  const beyond = indexes.flatMap((index) => beyondRegisters(targets[index]!) ?? []);
  const within = beyond.length === 0
    ? indexes
    : indexes.filter((index) => beyondRegisters(targets[index]!) === null);
  const { refused, ...all } = linkInBatches(
    targets,
    within,
    (batch) =>
      create(program, attachType, flags, {
        addresses: BigUint64Array.from(batch, (index) => targets[index]!.address),
        cookies: cookiesOf(targets, batch),
      }),
  );
  return { ...all, refused: [...beyond, ...refused] };
}

/** Cookies of the targets whose indexes are in `indexes`. */
export function cookiesOf(
  targets: readonly Target[],
  indexes: readonly number[],
): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.from(indexes, (index) => cookieOf(targets[index]!, index));
}

/**
 * As {@linkcode linkFunctions}, with any kind of link.
 *
 * @param link creates one to the targets with these indexes
 * @throws {SystemError} if no function can be linked
 */
export function linkInBatches(
  targets: readonly Target[],
  indexes: readonly number[],
  link: (indexes: readonly number[]) => FileDescriptor,
): LinkedFunctions {
  const links: FileDescriptor[] = [];
  const linked: number[] = [];
  const refused: RefusedFunction[] = [];
  let firstError: unknown;
  const pending: (readonly number[])[] = indexes.length === 0 ? [] : [indexes];
  while (pending.length > 0) {
    const batch = pending.pop()!;
    try {
      links.push(link(batch));
      for (const index of batch) linked.push(index);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      firstError ??= error;
      if (batch.length === 1) {
        const { name, module } = targets[batch[0]!]!;
        const reason = `refused by the kernel: ${error.message}`;
        refused.push({ name, module, reason, cause: error });
      } else {
        const half = batch.length >> 1;
        pending.push(batch.slice(half), batch.slice(0, half));
      }
    }
  }
  if (links.length === 0 && firstError !== undefined) throw firstError;
  return { links, linked, refused };
}

/** Closes links, the last one first. */
export function unlink(links: readonly FileDescriptor[]): void {
  for (const link of links.toReversed()) link[Symbol.dispose]();
}
