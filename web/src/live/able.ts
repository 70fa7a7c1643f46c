// What instances are able to, by the words of their drivers. Pure.
import type { Instance } from '../api/types';

/** The actions of a driver that is shown as a page of the devices around. */
export const RADIO = ['scan', 'pair'] as const;

/** Instances that have all of these words. */
export function shownAs<I extends Pick<Instance, 'capabilities'>>(all: readonly I[], ...words: readonly string[]): I[] {
  return all.filter(({ capabilities }) => words.every((word) => capabilities.includes(word)));
}
