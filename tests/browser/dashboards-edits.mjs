// Eight editors make 5,000 random edits of dashboards at once, four of them in pages of Chromium: `make edits`.
// EDITS=40 lets each make so many, SEED=3 other ones.
import { editTogether } from './editors.mjs';
import { ownHouse } from './house.mjs';

const EDITS = Number(process.env.EDITS ?? 625);
const house = ownHouse([]);
try {
  await house.start();
  const { reasons, ...figures } = await editTogether(house, EDITS, Number(process.env.SEED ?? 7));
  for (const [what, figure] of Object.entries(figures)) console.log(`${what.padEnd(10)} ${figure}`);
  console.log('told by pages, by what was said:');
  for (const [words, times] of Object.entries(reasons).sort(([, a], [, b]) => b - a)) console.log(`${String(times).padStart(6)}  ${words}`);
  console.log('no edit was lost without its author being told; the history leads to what is there, and back to the beginning');
} finally {
  await house.close();
}
