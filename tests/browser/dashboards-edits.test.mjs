// Eight editors at once, four of them pages: the short run of `make edits`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { editTogether } from './editors.mjs';
import { ownHouse } from './house.mjs';

const EDITS = { byHand: 10, byProgram: 25 };
let house;
before(() => (house = ownHouse([])).start(), { timeout: 90_000 });
after(() => house?.close());

test('of eight editors at once, four of them pages, none loses a change without being told, and the history leads to what all see', { timeout: 300_000 }, async (t) => {
  const figures = await editTogether(house, EDITS);
  t.diagnostic(JSON.stringify(figures));
  assert.ok(figures.told > 0 && figures.changes > 0, 'there was no race to speak of');
});
