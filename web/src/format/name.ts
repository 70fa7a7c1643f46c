// Names come from devices and people: they may be empty, or long enough to fill the page.

/** Longer names end in an ellipsis where they stand in a sentence or a label. */
const MOST = 80;

/** A name for a label or a sentence. */
export function cutName(name: string, most = MOST): string {
  const letters = [...name.slice(0, most * 2 + 2)];
  return letters.length > most ? `${letters.slice(0, most).join('')}…` : name;
}
