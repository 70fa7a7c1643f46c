// Letters as people search them, as the daemon does: without case and accents, and an umlaut however it was typed.

const SHARP = /ß/g;
const MARKS = /\p{M}/gu;
/** An `e` behind a vowel that has an umlaut is the other way to write the umlaut. */
const WRITTEN_OUT = /([aou])e+/g;

export function folded(text: string): string {
  const plain = text.toLowerCase().normalize('NFD').replace(MARKS, '');
  return plain.replace(SHARP, 'ss').replace(/ø/g, 'o').replace(/æ/g, 'a').replace(/œ/g, 'o').replace(WRITTEN_OUT, '$1');
}

/** Whether each word of `search` is in one of `texts`. */
export function fits(search: string, texts: (string | undefined)[]): boolean {
  const words = search.split(/\s+/).filter(Boolean);
  const has = (word: string) =>
    texts.some((text) => text && (folded(text).includes(folded(word)) || text.toLowerCase().includes(word.toLowerCase())));
  return words.every(has);
}
