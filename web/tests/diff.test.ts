import { describe, expect, it } from 'vitest';
import { diff } from '../src/ui/diff';

const text = (lines: string[]) => lines.map((line) => `${line}\n`).join('');

/** What one gets from the differences: the text before and the text after, if nothing was left out. */
function sides(before: string[], after: string[]) {
  const found = diff(text(before), text(after))!;
  const of = (kind: string) =>
    found.lines.flatMap((line) => (line.kind === 'gap' ? ['…'] : line.kind === 'same' || line.kind === kind ? [line.text] : []));
  return { found, before: of('removed'), after: of('added') };
}

describe('the difference of two texts', () => {
  it('leads from one to the other whatever was changed', () => {
    const random = (seed: number) => () => ((seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647);
    for (let seed = 1; seed <= 300; seed += 1) {
      const next = random(seed);
      // So few that no unchanged stretch is long enough to be left out.
      const some = () => Array.from({ length: Math.floor(next() * 7) }, () => 'abc'[Math.floor(next() * 3)]!);
      const [a, b] = [some(), some()];
      const { found, before, after } = sides(a, b);
      if (found.added + found.removed === 0) continue;
      expect(before, `${a} → ${b}`).toEqual(a);
      expect(after, `${a} → ${b}`).toEqual(b);
    }
  });

  it('is the shortest', () => {
    const { found } = sides(['a', 'b', 'c', 'a', 'b', 'b', 'a'], ['c', 'b', 'a', 'b', 'a', 'c']);
    expect([found.added, found.removed]).toEqual([2, 3]);
  });

  it('numbers the lines and leaves long equal stretches out', () => {
    const before = Array.from({ length: 30 }, (_, at) => `line ${at + 1}`);
    const after = before.map((line) => (line === 'line 15' ? 'other' : line));
    const { lines } = diff(text(before), text(after))!;
    expect(lines.map((line) => (line.kind === 'gap' ? line.lines : line.kind))).toEqual(
      [11, 'same', 'same', 'same', 'removed', 'added', 'same', 'same', 'same', 12],
    );
    expect(lines[4]).toEqual({ kind: 'removed', text: 'line 15', before: 15 });
    expect(lines[5]).toEqual({ kind: 'added', text: 'other', after: 15 });
    expect(lines[6]).toEqual({ kind: 'same', text: 'line 16', before: 16, after: 16 });
  });

  it('of equal texts is empty, and of all too different ones there is none', () => {
    expect(diff('a\n', 'a\n')).toMatchObject({ added: 0, removed: 0 });
    expect(diff('', '')).toMatchObject({ lines: [], added: 0, removed: 0 });
    const many = (mark: string) => text(Array.from({ length: 2_000 }, (_, at) => `${mark}${at}`));
    expect(diff(many('a'), many('b'))).toBeUndefined();
    expect(diff('x\n'.repeat(100_001), '')).toBeUndefined();
  });
});
