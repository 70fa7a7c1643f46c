// The id of a connection while it is typed: from its name, and what is wrong with it. Pure; the daemon has the last word.

const MOST = 64;
const RESERVED = ['log', 'calc', 'system', 'history', 'test'];
const LETTERS: Record<string, string> = { ä: 'ae', ö: 'oe', ü: 'ue', ß: 'ss' };

export type IdFault = 'required' | 'spelling' | 'long' | 'reserved' | 'taken' | { overlaps: string };

/** An id that a name suggests; one that nobody has. */
export function idFrom(name: string, taken: readonly string[], otherwise: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[äöüß]/g, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, MOST - 4)
    .replace(/_+$/, '');
  const stem = plain && !RESERVED.includes(plain) ? plain : otherwise;
  let id = stem;
  for (let nth = 2; idFault(id, taken) !== undefined && nth < 1000; nth += 1) id = `${stem}_${nth}`;
  return id;
}

/** What is wrong with an id beside these. */
export function idFault(id: string, taken: readonly string[]): IdFault | undefined {
  if (id === '') return 'required';
  if (id.length > MOST) return 'long';
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(id)) return 'spelling';
  const first = id.split('.')[0] ?? '';
  if (RESERVED.includes(first) && (first !== 'test' || id === 'test')) return 'reserved';
  if (taken.includes(id)) return 'taken';
  const other = taken.find((one) => one.startsWith(`${id}.`) || id.startsWith(`${one}.`));
  return other === undefined ? undefined : { overlaps: other };
}
