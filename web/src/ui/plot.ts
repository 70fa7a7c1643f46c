// A curve over time, with gaps where nothing is known.

/** One value of a curve; without a number nothing is known from then on. */
export interface Sampled {
  /** Milliseconds since 1970. */
  at: number;
  value: number | undefined;
  /** As it is read out. */
  text: string;
}

export interface Drawn {
  /** Path data for SVG; steps, since a value holds until the next one comes. */
  line: string;
  /** Where nothing is known: from and to, in the width of the drawing. */
  gaps: [number, number][];
  low: number;
  high: number;
}

/** The curve in `width` by `height` from the first value to `until`; none where no value is a number. */
export function drawn(samples: readonly Sampled[], until: number, width: number, height: number): Drawn | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const { value } of samples) {
    if (value === undefined) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const first = samples[0];
  if (!first || low > high) return undefined;
  const end = Math.max(until, samples.at(-1)?.at ?? until, first.at + 1);
  const round = (n: number) => Math.round(n * 10) / 10;
  const x = (at: number) => round(((at - first.at) / (end - first.at)) * width);
  const y = (value: number) => round(high === low ? height / 2 : height - ((value - low) / (high - low)) * height);
  let line = '';
  let isDown = false;
  const gaps: [number, number][] = [];
  samples.forEach(({ at, value }, index) => {
    const next = samples[index + 1]?.at ?? end;
    if (value === undefined) {
      isDown = false;
      const before = gaps.at(-1);
      if (before && before[1] === x(at)) before[1] = x(next);
      else gaps.push([x(at), x(next)]);
      return;
    }
    line += `${isDown ? `V${y(value)}` : `M${x(at)} ${y(value)}`}H${x(next)}`;
    isDown = true;
  });
  return { line, gaps, low, high };
}

/** The number of the value that held at `at`; 0 before the first. */
export function nearest(samples: readonly Sampled[], at: number): number {
  let [from, to] = [0, samples.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((samples[middle]?.at ?? Infinity) <= at) from = middle + 1;
    else to = middle;
  }
  return Math.max(0, from - 1);
}
