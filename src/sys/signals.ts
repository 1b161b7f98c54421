/**
 * What a process was started with in the way of signals.
 *
 * @module
 */

/** Numbers of the signals that end a process by its user's wish, on all of Linux. */
const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** A signal that ends a process by its user's wish. */
export type EndingSignal = keyof typeof NUMBERS;

/**
 * The signals that are to end this process. One that was ignored when it was started is to stay so:
 * `nohup` does that with the hangup, and a shell without job control with Ctrl-C for what it starts in
 * the background.
 *
 * @param status contents of /proc/self/status, read before any signal is listened to
 */
export function endingSignals(status: string): EndingSignal[] {
  const ignored = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return (Object.keys(NUMBERS) as EndingSignal[])
    .filter((name) => (ignored >> BigInt(NUMBERS[name] - 1) & 1n) === 0n);
}
