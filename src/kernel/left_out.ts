/**
 * Modules whose functions are not traced, because their BTF cannot be used.
 *
 * @module
 */

/** A module that is left out, with the reason in words. */
export interface LeftOutModule {
  readonly module: string;
  readonly reason: string;
}

/** A line per reason, with the modules it applies to. */
export function leftOutLines(leftOut: readonly LeftOutModule[]): string[] {
  const byReason = Map.groupBy(leftOut, ({ reason }) => reason);
  return Array.from(byReason, ([reason, modules]) => {
    const names = modules.map(({ module }) => module);
    return names.length === 1
      ? `Left out module ${names[0]}: cannot use its BTF: ${reason}`
      : `Left out modules ${names.slice(0, -1).join(", ")} and ${names.at(-1)}: cannot use ` +
        `their BTF: ${reason}`;
  });
}
