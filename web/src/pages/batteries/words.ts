// What the datapoints of a battery are called, and what their values are as numbers. Pure.
import type { Texts } from '../../i18n/en';
import type { Language } from '../../settings.svelte';
import type { Value } from '../../api/types';
import { isTagged } from '../../format/value';
import { alarmText } from './alarmWords';
import { lastPart } from './battery';
import { NAMES } from './nameWords';

export function nameText(name: string, t: Texts['battery'], language: Language): string {
  const last = lastPart(name);
  if (name.startsWith('cells.')) return t.cell(Number(last), '').replace(/: $/, '');
  if (name.startsWith('temperatures.')) return t.temperature(last.replace(/^0+(?=\d)/, ''));
  if (name.startsWith('alarms.') || name.startsWith('limits.')) return alarmText(last, language);
  if (name.startsWith('warnings.')) return t.warning(alarmText(last, language));
  return NAMES[name]?.[language === 'de' ? 1 : 0] ?? name.replaceAll('_', ' ').replaceAll('.', ' · ');
}

/** The number that a value is; undefined for anything else. */
export function numberOf(value: Value | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (value === null || value === undefined || typeof value !== 'object' || !isTagged(value)) return undefined;
  const n = value.t === 'i64' || value.t === 'u64' || value.t === 'f64' ? Number(value.v) : Number.NaN;
  return Number.isFinite(n) ? n : undefined;
}
