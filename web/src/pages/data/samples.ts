// The last values of a datapoint: what the daemon kept, then what comes live.
import type { PointUpdate, Value } from '../../api/types';
import { isTagged, valueText } from '../../format/value';
import type { Sampled } from '../../ui/plot';

/** More are too many for one look. */
export const MOST_SAMPLES = 1_000;

export type Past = Omit<PointUpdate, 'address'>;

/** The value as a number of a curve. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return value;
  if (!isTagged(value) || value.t === 'bytes' || value.t === 'json') return undefined;
  const number = Number(value.v.replace('inf', 'Infinity'));
  return Number.isFinite(number) ? number : undefined;
}

/** What is kept with what has come since; a value that is in both is there once. */
export function joined(kept: readonly Past[], come: readonly Past[]): Past[] {
  const last = kept.at(-1);
  // What was renewed is the same as before.
  const later = come.filter((one) => !last || (one.receive_ms > last.receive_ms && !isSame(one, last)));
  return [...kept, ...later].slice(-MOST_SAMPLES);
}

/** Whether one says what the other says, of the same moment. */
export function isSame(one: Past, other: Past): boolean {
  const [a, b] = [one, other].map(({ value }) => JSON.stringify(value));
  return one.source_ms === other.source_ms && one.quality === other.quality && a === b;
}

/** As a curve: a value that is bad is a gap, since nobody knows how it went on. */
export function curveOf(values: readonly Past[], locale: string, gap: string, unit = '', reasons: Readonly<Record<string, string>> = {}): Sampled[] {
  return values.map(({ value, quality, reason, receive_ms }) => {
    const isBad = quality === 'bad';
    const text = isBad ? `${gap}${reason && ` (${reasons[reason] ?? reason})`}` : valueText(value, locale) + (unit && ` ${unit}`);
    return { at: receive_ms, value: isBad ? undefined : numberOf(value), text };
  });
}
