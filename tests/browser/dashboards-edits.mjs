// Eight editors make 5,000 random edits of dashboards at once, four of them in pages of Chromium: `make edits`.
// BY_HAND=40 BY_PROGRAM=100 lets each page and each program make so many, SEED=3 others.
import { editTogether } from './editors.mjs';
import { ownHouse } from './house.mjs';

const { BY_HAND = 100, BY_PROGRAM = 1_150, SEED = 7 } = process.env;
const house = ownHouse([]);
try {
  await house.start();
  const { reasons, ...figures } = await editTogether(house, { byHand: Number(BY_HAND), byProgram: Number(BY_PROGRAM) }, Number(SEED));
  for (const [what, figure] of Object.entries(figures)) console.log(`${what.padEnd(10)} ${figure}`);
  console.log('told by pages, by what was said:');
  for (const [words, times] of Object.entries(reasons).sort(([, a], [, b]) => b - a)) console.log(`${String(times).padStart(6)}  ${words}`);
  console.log('no edit was lost without its author being told; the history leads to what is there, and back to the beginning');
} finally {
  await house.close();
}
