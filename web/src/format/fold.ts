// Letters as people search them, as the daemon does: without case and accents, and an umlaut however it was typed.

const SHARP = /ß/g;
const MARKS = /\p{M}/gu;
/** An `e` behind a vowel that has an umlaut is the other way to write the umlaut. */
const WRITTEN_OUT = /([aou])e+/g;

export function folded(text: string): string {
  const plain = text.toLowerCase().normalize('NFD').replace(MARKS, '');
  return plain.replace(SHARP, 'ss').replace(/ø/g, 'o').replace(/æ/g, 'a').replace(/œ/g, 'o').replace(/ł/g, 'l').replace(/đ/g, 'd').replace(/ı/g, 'i').replace(WRITTEN_OUT, '$1');
}

/** A text that is made ready once and searched often. */
export interface Hay {
  folded: string;
  /** In small letters: a word that begins with `e` may begin with the one that belongs to an umlaut. */
  plain: string;
}

export const hay = (text: string): Hay => ({ folded: folded(text), plain: text.toLowerCase() });

/** What tells whether each word of `search` is in one of some texts. */
export function searching(search: string): (hays: readonly Hay[]) => boolean {
  const words = search.split(/\s+/).filter(Boolean).map(hay);
  const has = (word: Hay) => (one: Hay) => one.folded.includes(word.folded) || one.plain.includes(word.plain);
  return (hays) => words.every((word) => hays.some(has(word)));
}

/** Whether each word of `search` is in one of `texts`. */
export function fits(search: string, texts: readonly (string | undefined)[]): boolean {
  return searching(search)(texts.filter((text) => text !== undefined).map(hay));
}
