// Numbers as a person reads them. The exact value is in the details of a datapoint.

/** As many digits as a 32-bit float holds: more would show noise of its conversion. */
const DIGITS = 7;
/** Beyond these a number is written with an exponent. */
const LARGE = 1e15;
const SMALL = 1e-4;

const formats = new Map<string, Intl.NumberFormat>();

function format(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.NumberFormat(locale, options)));
  return found;
}

/** Fractions are most of what is shown, many times a second: their formats are found without a look at the options. */
const fractions = new Map<string, Intl.NumberFormat[]>();

function fraction(locale: string, maximumFractionDigits: number): Intl.NumberFormat {
  let known = fractions.get(locale);
  if (!known) fractions.set(locale, (known = []));
  return (known[maximumFractionDigits] ??= new Intl.NumberFormat(locale, { useGrouping: 'min2', maximumFractionDigits }));
}

/** A value of a device: integers whole, fractions to seven digits. */
export function numberText(n: number, locale: string): string {
  if (!Number.isFinite(n)) return Number.isNaN(n) ? 'NaN' : n > 0 ? '∞' : '−∞';
  const size = Math.abs(n);
  if (size >= LARGE || (n !== 0 && size < SMALL)) {
    return format(locale, { notation: 'scientific', maximumSignificantDigits: DIGITS }).format(n);
  }
  // Zero has no sign.
  if (Number.isInteger(n)) return fraction(locale, 0).format(n === 0 ? 0 : n);
  const whole = size < 1 ? 1 : Math.floor(Math.log10(size)) + 1;
  return fraction(locale, Math.max(0, DIGITS - whole)).format(n);
}

/** A count that may grow large: `12,340`, `1.8 M`. The letters are those of SI, the same in every language. */
export function countText(n: number, locale: string): string {
  const digits = (scaled: number, maximumFractionDigits: number) => format(locale, { maximumFractionDigits }).format(scaled);
  if (n < 1e6) return digits(n, 0);
  return n < 1e9 ? `${digits(n / 1e6, 1)} M` : `${digits(n / 1e9, 1)} G`;
}

/** A rate per second: one digit behind the point while it is small. */
export function rateText(n: number, locale: string): string {
  return n < 100 ? format(locale, { maximumFractionDigits: 1 }).format(n) : countText(n, locale);
}

/** A part in per cent: one digit behind the point while it is small. */
export function percentText(percent: number, locale: string): string {
  const maximumFractionDigits = percent < 10 ? 1 : 0;
  return format(locale, { style: 'percent', maximumFractionDigits }).format(percent / 100);
}

/** A size that is given in megabytes. */
export function sizeText(megabytes: number, locale: string): string {
  const digits = (scaled: number) => format(locale, { maximumFractionDigits: scaled < 10 ? 1 : 0 }).format(scaled);
  return megabytes < 1024 ? `${digits(megabytes)} MB` : `${digits(megabytes / 1024)} GB`;
}
