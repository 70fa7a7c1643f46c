// Spans and moments as people read them.

export type SpanUnit = 's' | 'min' | 'h' | 'd';

/** A span in its largest whole unit, rounded down: `{ n: 3, unit: 'min' }`. */
export function span(ms: number): { n: number; unit: SpanUnit } {
  const s = Math.max(0, Math.floor(ms / 1_000));
  if (s < 60) return { n: s, unit: 's' };
  if (s < 3_600) return { n: Math.floor(s / 60), unit: 'min' };
  if (s < 86_400) return { n: Math.floor(s / 3_600), unit: 'h' };
  return { n: Math.floor(s / 86_400), unit: 'd' };
}

/** A span in words, for example `3 min`. */
export function spanText(ms: number, units: Record<SpanUnit, string>): string {
  const { n, unit } = span(ms);
  return `${n} ${units[unit]}`;
}

/** A moment to the second: `23.11.2025, 14:03:22`. */
export function secondText(ms: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(ms);
}

/** A moment with its milliseconds: `23.11.2025, 14:03:22.120`. */
export function momentText(ms: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  }).format(ms);
}

/** A time of day for a line of a log: `14:03:22.120`. */
export function clockText(ms: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  }).format(ms);
}
