// How a widget looks by rule: the first rule that looks at a binding and holds decides. Pure.
import type { Rule } from '../api/dashboards';
import type { Value } from '../api/types';
import { typed } from './choices';
import { numberOf } from './reading';
import type { Standing } from './truth';

/** What a rule says. */
export interface Look {
  /** As a style sheet writes it; empty for none. */
  colour: string;
  /** In the place of the value; empty for none. */
  text: string;
}

/** Without a rule. */
export const PLAIN: Look = { colour: '', text: '' };

/** Colours by what they say; each is legible in both themes. */
export const colours = ['good', 'warn', 'bad', 'accent', 'muted'] as const;
const HEX = /^#[\da-f]{6}$/i;

function cssOf(colour: string): string {
  if (colours.some((name) => name === colour)) return `var(--${colour})`;
  return HEX.test(colour) ? colour : '';
}

/** What a rule is compared with, as a number. */
function limitOf(than: Rule['than']): number | undefined {
  if (typeof than === 'number') return than;
  if (typeof than !== 'string' || than.trim() === '') return undefined;
  const n = Number(than.replace(',', '.'));
  return Number.isFinite(n) ? n : undefined;
}

function isSame(value: Value, than: Rule['than']): boolean {
  const [n, limit] = [numberOf(value), limitOf(than)];
  if (n !== undefined && limit !== undefined) return n === limit;
  return typed(value).toLowerCase() === String(than ?? '').trim().toLowerCase();
}

function holds({ when, than }: Rule, point: Standing & { value: Value }): boolean {
  if (when === 'stale') return point.reason === 'stale';
  if (when === 'bad') return point.quality === 'bad';
  if (point.value === null) return false;
  if (when === '=') return isSame(point.value, than);
  if (when === '!=') return !isSame(point.value, than);
  const [n, limit] = [numberOf(point.value), limitOf(than)];
  if (n === undefined || limit === undefined) return false;
  return { '<': n < limit, '<=': n <= limit, '>=': n >= limit, '>': n > limit }[when];
}

/** What the rules say of a binding; a rule that names none looks at `value`. */
export function lookOf(rules: readonly Rule[], binding: string, point: (Standing & { value: Value }) | undefined): Look {
  if (!point || rules.length === 0) return PLAIN;
  const rule = rules.find((one) => (one.binding ?? 'value') === binding && holds(one, point));
  return rule ? { colour: cssOf(rule.colour), text: rule.text ?? '' } : PLAIN;
}
