import { expect, test } from 'vitest';
import { mayBeginAnew } from '../src/shell/anew';

function memory(): Pick<Storage, 'getItem' | 'setItem'> {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

test('a page that misses a part begins anew once and not over and over', () => {
  const kept = memory();
  const asked = [1_000_000, 1_000_500, 1_019_999, 1_020_000, 1_030_000];
  expect(asked.map((nowMs) => mayBeginAnew(kept, nowMs))).toEqual([true, false, false, true, false]);
  expect(mayBeginAnew(kept, 500)).toBe(true);
});

test('a browser that keeps nothing stays where it is', () => {
  const refuses = () => {
    throw new Error('refused');
  };
  expect(mayBeginAnew({ getItem: refuses, setItem: refuses })).toBe(false);
});
