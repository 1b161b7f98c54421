/**
 * Colours of what is drawn on a canvas: those of the style sheet.
 *
 * @module
 */

/** What a property of the style sheet comes to, light or dark as it is. @param name `--ink` */
export function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const result = getComputedStyle(probe).color;
  probe.remove();
  return result;
}

/** Number of the properties `--series-0`, … */
export const SERIES = 8;

/** A number for a name, always the same. */
export function hashOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash, 31) + name.charCodeAt(at) | 0;
  return hash >>> 0;
}
