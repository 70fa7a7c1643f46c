import './browser';
import { expect, test } from 'vitest';
import type { Cell, Size } from '../src/api/dashboards';
import { bodyOf, lastPart, shifted } from '../src/pages/dashboards/body';
import { bottom, changed, derived, firstFree, gridOf, isOwn, layoutOf, overlap, type Placed, pushed, sizeFor } from '../src/pages/dashboards/grid';
import { type Keyed, race, same } from '../src/ui/race';
import { grouped, moved } from '../src/pages/dashboards/pages';

const at = (id: string, x: number, y: number, w: number, h: number): Placed => ({ id, cell: { x, y, w, h } });
const where = (placed: readonly Placed[]) => placed.map(({ id, cell: { x, y, w, h } }) => `${id} ${x},${y},${w},${h}`);
const overlaps = (placed: readonly Placed[]) =>
  placed.flatMap((one, nth) => placed.slice(nth + 1).filter((other) => overlap(one.cell, other.cell)).map(({ id }) => `${one.id} ${id}`));

/** Numbers that look random and are the same each time. */
function* dice(seed: number): Generator<number> {
  for (let state = seed; ; ) yield ((state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648);
}

test('what is moved stays where it is put, and pushes down only what it covers', () => {
  const placed = [at('a', 0, 0, 2, 2), at('b', 2, 0, 2, 2), at('c', 0, 2, 4, 1), at('d', 6, 0, 2, 2)];
  const after = pushed(placed, new Map([['d', { x: 1, y: 0, w: 2, h: 2 }]]));
  expect(where(after)).toEqual(['a 0,2,2,2', 'b 2,2,2,2', 'c 0,4,4,1', 'd 1,0,2,2']);
  expect(changed(placed, after).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
  expect(changed(placed, pushed(placed, new Map([['d', { x: 8, y: 0, w: 2, h: 2 }]]))).map(({ id }) => id)).toEqual(['d']);
});

test('whatever is moved wherever, nothing overlaps and nothing is lost', () => {
  const roll = dice(7);
  const next = (most: number) => Math.floor(roll.next().value * most);
  let placed: Placed[] = [];
  for (let n = 0; n < 40; n += 1) placed.push({ id: `w${n}`, cell: firstFree(placed, { w: 1 + next(4), h: 1 + next(3) }, 12) });
  expect(overlaps(placed)).toEqual([]);
  for (let n = 0; n < 500; n += 1) {
    const moves = new Map<string, Cell>();
    for (let many = 1 + next(3); many > 0; many -= 1) {
      const w = 1 + next(6);
      moves.set(`w${next(40)}`, { x: next(12 - w + 1), y: next(30), w, h: 1 + next(4) });
    }
    placed = pushed(placed, moves);
    expect(overlaps(placed)).toEqual([]);
    expect(new Set(placed.map(({ id }) => id)).size).toBe(40);
    const [first] = moves;
    if (moves.size === 1 && first) expect(placed.find(({ id }) => id === first[0])?.cell).toEqual(first[1]);
    for (const small of [4, 8]) {
      const on = derived(placed, 12, small, () => ({ w: 2, h: 1 }));
      expect(overlaps(on)).toEqual([]);
      expect(on.every(({ cell }) => cell.x >= 0 && cell.x + cell.w <= small)).toBe(true);
    }
  }
});

test('a small screen has the widgets in the order in which one reads them on the wall', () => {
  const wall = [at('right', 6, 0, 6, 2), at('left', 0, 0, 2, 2), at('below', 0, 2, 12, 3), at('middle', 2, 0, 2, 2)];
  const wide = () => ({ w: 4, h: 2 });
  expect(where(derived(wall, 12, 4, wide))).toEqual(['left 0,0,2,2', 'middle 2,0,2,2', 'right 0,2,4,2', 'below 0,4,4,3']);
  // On a wall with more columns each is narrower.
  expect(where(derived([at('a', 0, 0, 8, 2)], 48, 4, wide))).toEqual(['a 0,0,2,2']);
  // What is small by its kind shares the width with another.
  const quarters = [at('a', 0, 0, 3, 2), at('b', 3, 0, 3, 2), at('c', 6, 0, 3, 2), at('all', 0, 2, 12, 1)];
  expect(where(derived(quarters, 12, 4, wide))).toEqual(['a 0,0,4,2', 'b 0,2,4,2', 'c 0,4,4,2', 'all 0,6,4,1']);
  expect(where(derived(quarters, 12, 4, () => ({ w: 2, h: 1 })))).toEqual(['a 0,0,2,2', 'b 2,0,2,2', 'c 0,2,4,2', 'all 0,4,4,1']);
});

test('a size has cells of its own only where the page says so; the wall always has', () => {
  const wish = () => ({ w: 2, h: 1 });
  const cell = (x: number): Partial<Record<Size, Cell>> => ({ wall: { x, y: 0, w: 2, h: 1 }, phone: { x: 2, y: 5, w: 2, h: 1 } });
  const widgets = [{ id: 'a', layout: cell(4) }, { id: 'new' }];
  expect(where(layoutOf({}, widgets, 'wall', wish))).toEqual(['a 4,0,2,1', 'new 0,0,2,1']);
  expect(where(layoutOf({}, widgets, 'phone', wish))).toEqual(['new 0,0,2,1', 'a 2,0,2,1']);
  const own = { grids: { phone: { columns: 4, own: true } } };
  expect(where(layoutOf(own, widgets, 'phone', wish))).toEqual(['a 2,5,2,1', 'new 0,0,2,1']);
  expect([isOwn({}, 'wall'), isOwn({}, 'phone'), isOwn(own, 'phone'), gridOf({}, 'tablet').columns]).toEqual([true, false, true, 8]);
});

test('two that two people put onto one place stand below each other, and what is too wide is cut', () => {
  const wish = () => ({ w: 1, h: 1 });
  const both = [{ id: 'a', layout: { wall: { x: 0, y: 0, w: 2, h: 2 } } }, { id: 'b', layout: { wall: { x: 1, y: 1, w: 40, h: 1 } } }];
  expect(where(layoutOf({}, both, 'wall', wish))).toEqual(['a 0,0,2,2', 'b 0,2,12,1']);
  expect(bottom([])).toBe(0);
  expect([320, 640, 641, 1_099, 1_100].map(sizeFor)).toEqual(['phone', 'phone', 'tablet', 'tablet', 'wall']);
});

test('two changes of different things go together, two of the same are shown', () => {
  const base = { id: 'w', title: 'a', kind: 'value' };
  expect(race(base, { ...base, title: 'mine' }, { ...base, kind: 'gauge' })).toEqual({
    differs: ['title', 'kind'],
    joined: { id: 'w', title: 'mine', kind: 'gauge' },
  });
  expect(race(base, { ...base, title: 'mine' }, { ...base, title: 'theirs' })).toEqual({ differs: ['title'] });
  expect(race<Keyed>({ ...base, pin: true }, base, { ...base, pin: true, title: 'b' }).joined).toEqual({ ...base, title: 'b' });
  expect(same({ a: 1, b: { c: [1], d: undefined } }, { b: { c: [1] }, a: 1 })).toBe(true);
  expect(same({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
});

test('pages of a floor stand together, and one is moved among them', () => {
  const pages = [{ id: 'a' }, { id: 'b', group: 'up' }, { id: 'c' }, { id: 'd', group: 'up' }];
  expect(grouped(pages).map(({ name, pages: own }) => `${name}:${own.map(({ id }) => id).join('')}`)).toEqual([':ac', 'up:bd']);
  expect(moved(['a', 'b', 'c'], 'a', 2)).toEqual(['b', 'c', 'a']);
  expect(moved(['a', 'b', 'c'], 'c', -4)).toEqual(['c', 'a', 'b']);
});

test('a copy is all but which one it is, and lies to the others as it did', () => {
  const entry = { id: 'w', dashboard: 'd', etag: 'x', may_operate: true, kind: 'value', title: 't' };
  expect(bodyOf(entry)).toEqual({ kind: 'value', title: 't' });
  const copies = shifted([{ body: { kind: 'a' }, cell: { x: 1, y: 3, w: 1, h: 1 } }, { body: { kind: 'b' }, cell: { x: 2, y: 5, w: 1, h: 1 } }], 10, 'wall');
  expect(copies.map(({ layout }) => [layout?.wall?.x, layout?.wall?.y])).toEqual([[1, 10], [2, 12]]);
});

test('a widget is called as people call what it shows', () => {
  const names = ['plc_001.MAIN.fPvPower', 'solar.house/light/kitchen/set', 'calc.x', 'a', ''].map(lastPart);
  expect(names).toEqual(['fPvPower', 'kitchen', 'x', 'a', '']);
});
