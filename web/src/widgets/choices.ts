// Values that somebody gave a word: of a selection, or for what a number means. Pure.
import type { Value } from '../api/types';
import { isTagged } from '../format/value';

export interface Choice {
  /** As it is typed. */
  value: string;
  word: string;
}

/** What a file has, as far as it is choices. */
export function choicesOf(given: unknown): Choice[] {
  if (!Array.isArray(given)) return [];
  return given.flatMap((one: unknown) => {
    const { value, word } = (typeof one === 'object' && one !== null ? one : {}) as Record<string, unknown>;
    return typeof value === 'string' ? [{ value, word: typeof word === 'string' && word !== '' ? word : value }] : [];
  });
}

/** A value as somebody types it. */
export const typed = (value: Value): string => (value === null ? '' : isTagged(value) ? value.v : String(value));

/** The choice that this value is. */
export const chosen = (choices: readonly Choice[], value: Value): Choice | undefined =>
  value === null ? undefined : choices.find((one) => one.value.trim().toLowerCase() === typed(value).toLowerCase());

/** The word for a value; empty where nobody gave one. */
export const wordFor = (given: unknown, value: Value): string => chosen(choicesOf(given), value)?.word ?? '';
