/**
 * Signal dispositions inherited by this process.
 *
 * @module
 */

/** Numbers of the signals by which users end a process; the same on all architectures. */
const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** A signal by which users end a process. */
export type EndingSignal = keyof typeof NUMBERS;

/**
 * The signals that should end this process. Signals ignored at the start stay ignored: `nohup` ignores
 * SIGHUP, and shells without job control ignore SIGINT in background processes.
 *
 * @param status contents of /proc/self/status, read before any signal listener is added
 */
export function endingSignals(status: string): EndingSignal[] {
  const ignored = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return (Object.keys(NUMBERS) as EndingSignal[])
    .filter((name) => (ignored >> BigInt(NUMBERS[name] - 1) & 1n) === 0n);
}
