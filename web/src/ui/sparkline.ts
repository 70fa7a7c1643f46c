/** The curve's points for SVG, and where it begins. */
export interface Curve {
  points: string;
  fromX: number;
}

/** `values` as a curve in `width` by `height` that `span` of them would fill; nothing for fewer than two or for a flat zero. */
export function sparkline(values: readonly number[], span: number, width: number, height: number): Curve | undefined {
  const top = Math.max(...values, 0);
  if (values.length < 2 || top === 0) return undefined;
  const step = width / (span - 1);
  const fromX = width - (values.length - 1) * step;
  const round = (n: number) => Math.round(n * 10) / 10;
  const points = values.map((value, i) => `${round(fromX + i * step)},${round(height - 1 - (value / top) * (height - 2))}`);
  return { points: points.join(' '), fromX: round(fromX) };
}
