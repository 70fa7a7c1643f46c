// Days and moments without their seconds.

/** A day: `26.11.2026`. */
export function dayText(ms: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { year: 'numeric', month: '2-digit', day: '2-digit' }).format(ms);
}

/** A day with hour and minute: `26.11.2026, 14:03`. */
export function minuteText(ms: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(ms);
}

/** A day with its second: `26.11.2026, 14:03:22`. */
export function secondText(ms: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(ms);
}

/** Bytes as people read them: `1.4 kB`. */
export function bytesText(bytes: number, locale: string): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const unitDisplay = power === 0 ? 'long' : 'short';
  const format = { style: 'unit', unit: units[power]!, unitDisplay, maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, format).format(bytes / 1000 ** power);
}
