/**
 * Plain plots as SVG: a row of panels, each with one line and a mark for each point.
 *
 * @module
 */

/** One panel. */
export interface Panel {
  readonly title: string;
  readonly points: readonly Point[];
}

/** A median between the least and the most of its repetitions. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly least: number;
  readonly most: number;
}

const WIDTH = 240;
const HEIGHT = 180;
const LEFT = 52;
const RIGHT = 18;
const TOP = 30;
const BOTTOM = 40;

/**
 * Draws panels side by side. Both axes of each are linear and begin at zero, so that what grows
 * linearly is a straight line.
 *
 * @param title what the plot is of
 * @param axis what the horizontal axis counts
 */
export function plot(title: string, axis: string, panels: readonly Panel[]): string {
  const width = WIDTH * panels.length;
  const body = panels.map((panel, index) =>
    `<g transform="translate(${index * WIDTH} 24)">${drawPanel(panel, axis)}</g>`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT + 24}" ` +
    `width="${width}" height="${HEIGHT + 24}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="8" y="17" font-size="13" font-weight="bold">${escape(title)}</text>`,
    ...body,
    "</svg>\n",
  ].join("\n");
}

function drawPanel({ title, points }: Panel, axis: string): string {
  const sorted = [...points].sort((a, b) => a.x - b.x);
  const across = ticks(Math.max(...sorted.map(({ x }) => x)));
  const up = ticks(Math.max(...sorted.map(({ most }) => most)));
  const x = (value: number): string => at(LEFT + (WIDTH - LEFT - RIGHT) * value / across.at(-1)!);
  const y = (value: number): string =>
    at(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / up.at(-1)!);
  const line = sorted.map((point) => `${x(point.x)},${y(point.y)}`).join(" ");
  return [
    `<text x="${LEFT}" y="${TOP - 12}">${escape(title)}</text>`,
    ...up.map((value) =>
      `<path d="M${LEFT} ${y(value)}H${WIDTH - RIGHT}" stroke="#ddd"/>` +
      `<text x="${LEFT - 5}" y="${y(value)}" dy="4" text-anchor="end">${label(value)}</text>`
    ),
    ...across.map((value) =>
      `<path d="M${x(value)} ${HEIGHT - BOTTOM}v4" stroke="black"/>` +
      `<text x="${x(value)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${
        label(value)
      }</text>`
    ),
    `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}" fill="none" stroke="black"/>`,
    `<polyline points="${line}" fill="none" stroke="#1f6fb2" stroke-width="1.5"/>`,
    ...sorted.map((point) =>
      `<path d="M${x(point.x)} ${y(point.least)}V${y(point.most)}" stroke="#1f6fb2"/>` +
      `<circle cx="${x(point.x)}" cy="${y(point.y)}" r="3" fill="#1f6fb2"/>`
    ),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${
      escape(axis)
    }</text>`,
  ].join("\n");
}

/** Round numbers from zero to at least `most`, four or so. */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most / 3));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size * 4 >= most)!;
  const count = Math.ceil(most / step - 1e-9);
  // A multiple of a power of ten below one is not exact: rounded, its label is.
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

function label(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 6 });
}

function at(value: number): string {
  return value.toFixed(1);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
