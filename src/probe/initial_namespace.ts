/**
 * The inode number of the initial network namespace from the kernel, `init_net.ns.inum`: for containers,
 * where no file of /proc refers to it.
 *
 * @module
 */

import { Btf } from "../kernel/btf.ts";
import { SYSTEM_PATHS } from "../kernel/sources.ts";
import { Failure } from "../sys/failure.ts";
import { SystemError } from "../sys/libc.ts";
import { type NetworkNamespaces, networkNamespaces } from "../sys/network.ts";
import { readKernelWord } from "./bpf_syscall.ts";

/** Needs CONFIG_KALLSYMS_ALL, as it is not a function. */
const SYMBOL = "init_net";

/**
 * The namespace of this process, and the initial one from /proc or else from the kernel, by a BPF
 * program that runs once (Linux 5.10).
 *
 * @param kernelBtf file with the kernel's BTF; `null` for the running kernel's own
 * @param debug receives the reason if the kernel's cannot be read
 * @throws {Failure} if this process's own namespace cannot be read
 */
export function findNamespaces(
  kernelBtf: string | null,
  debug: (message: string) => void,
): NetworkNamespaces {
  const { current, initial } = networkNamespaces();
  return { current, initial: initial ?? readInitialNamespace(kernelBtf, debug) };
}

function readInitialNamespace(
  kernelBtf: string | null,
  debug: (message: string) => void,
): number | null {
  const { btf, kallsyms } = SYSTEM_PATHS;
  try {
    const address = addressOfSymbol(Deno.readTextFileSync(kallsyms), SYMBOL);
    if (address === null) {
      throw new Failure("network", `${kallsyms} does not have the address of ${SYMBOL}`);
    }
    const inum = inumOffset(Btf.parse(Deno.readFileSync(kernelBtf ?? `${btf}/vmlinux`)));
    const number = readKernelWord(address + BigInt(inum));
    if (number === 0) throw new Failure("network", `${SYMBOL} has no number`);
    return number;
  } catch (error) {
    const known = error instanceof Failure || error instanceof SystemError ||
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
    if (!known) throw error;
    debug(`Cannot read the initial network namespace from the kernel: ${error.message}`);
    return null;
  }
}

/**
 * Address of the symbol of this name in the kernel itself; `null` if there is none, or it is hidden.
 *
 * @param kallsyms contents of /proc/kallsyms
 */
export function addressOfSymbol(kallsyms: string, name: string): bigint | null {
  const line = new RegExp(`^([0-9a-f]{16}) [A-Za-z] ${name}$`, "m").exec(kallsyms);
  const address = BigInt(`0x${line?.[1] ?? "0"}`);
  return address === 0n ? null : address;
}

function inumOffset(btf: Btf): number {
  const ns = btf.memberOffset("net", "ns");
  const inum = btf.memberOffset("ns_common", "inum");
  if (ns === undefined || inum === undefined) {
    throw new Failure("network", "the kernel's BTF does not describe net.ns.inum");
  }
  return ns + inum;
}
