/** A text as one types it who has no umlauts on the keyboard, in small letters. */
export function foldedText(text: string): string {
  return text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '').replaceAll('ß', 'ss');
}
