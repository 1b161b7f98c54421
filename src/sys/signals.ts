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
 * Whether each signal that ends a process was ignored when this one started, and should stay so: `nohup`
 * ignores SIGHUP, and shells without job control ignore SIGINT in background processes.
 *
 * @param mask hexadecimal, with the bit of signal N at N - 1, as in SigIgn of /proc/PID/status: from the
 * launcher, because Deno catches these signals before the program starts
 */
export function endingSignals(mask: string | undefined): Map<EndingSignal, boolean> {
  const ignored = /^[0-9a-f]{1,8}$/.test(mask ?? "") ? parseInt(mask!, 16) : 0;
  return new Map(
    (Object.keys(NUMBERS) as EndingSignal[])
      .map((name) => [name, (ignored >>> (NUMBERS[name] - 1) & 1) === 1]),
  );
}
