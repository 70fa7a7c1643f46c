// Bytes per second as people read them.

const STEPS = ['B/s', 'kB/s', 'MB/s', 'GB/s'];

/** `0 B/s`, `3.4 kB/s`: one digit behind the point while it is small. */
export function flowText(bytesPerSecond: number, locale: string): string {
  let [n, step] = [bytesPerSecond, 0];
  while (n >= 1_000 && step < STEPS.length - 1) [n, step] = [n / 1_000, step + 1];
  const maximumFractionDigits = step > 0 && n < 10 ? 1 : 0;
  return `${n.toLocaleString(locale, { maximumFractionDigits })} ${STEPS[step]}`;
}
