import './browser';
import { beforeEach, expect, test } from 'vitest';
import type { Cell, Step, WidgetEntry } from '../src/api/dashboards';
import { Problem } from '../src/api/http';
import { layoutOf } from '../src/pages/dashboards/grid';
import { isOvertaken, MOST_TRIES, Moving } from '../src/pages/dashboards/moving.svelte';
import { notices } from '../src/ui/notices.svelte';

const cell = (x: number, y: number): Cell => ({ x, y, w: 2, h: 2 });
const late = new Problem(412, '', '');
const taken = new Problem(422, '', '', '', 0, { key: 'steps[0].layout.wall' });

/** A page with these widgets; `answers` are what the daemon says to one try after the other, and then yes. */
function page(cells: Record<string, Cell>, answers: (Problem | undefined)[] = []) {
  const widgets = new Map(Object.entries(cells).map(([id, wall]) => [id, { id, dashboard: 'eg', kind: 'value', etag: '1', may_operate: true, title: id.toUpperCase(), layout: { wall } } as WidgetEntry]));
  const [sent, told]: [Step[][], Problem[]] = [[], []];
  let meanwhile = () => {};
  const put = (id: string, wall: Cell) => widgets.set(id, { ...widgets.get(id)!, layout: { wall } });
  const moving = new Moving({
    entry: (id) => widgets.get(id),
    layout: (size) => layoutOf({}, [...widgets.values()], size, () => ({ w: 2, h: 2 })),
    send: async (steps) => {
      sent.push(steps);
      const problem = answers.shift();
      if (!problem) for (const step of steps) if ('move' in step && step.layout?.wall) put(step.move, step.layout.wall);
      return problem;
    },
    load: async () => meanwhile(),
    tell: (problem) => told.push(problem),
  });
  const where = (id: string) => Object.values(widgets.get(id)?.layout?.wall ?? {}).join();
  return { moving, widgets, sent, told, put, where, onload: (what: () => void) => (meanwhile = what) };
}

const one = (id: string, to: Cell) => new Map([[id, to]]);
beforeEach(() => notices.all.forEach(({ id }) => notices.dismiss(id)));

test('a drag moves what it holds and what that covers, and nothing that others moved meanwhile', async () => {
  const { moving, put, where, sent } = page({ a: cell(0, 0), b: cell(4, 0), c: cell(0, 4) });
  moving.hold('wall', one('a', cell(0, 3)));
  put('b', cell(8, 0));
  await moving.save();
  expect([where('a'), where('b'), where('c')]).toEqual(['0,3,2,2', '8,0,2,2', '0,5,2,2']);
  expect(sent[0]?.map((step) => 'move' in step && step.move)).toEqual(['a', 'c']);
  expect(moving.clash).toBeUndefined();
});

test('what somebody else moved while it was held is asked about, and goes where it is decided', async () => {
  for (const [keep, want] of [['mine', '0,3,2,2'], ['theirs', '6,0,2,2']] as const) {
    const { moving, put, where, sent } = page({ a: cell(0, 0) });
    moving.hold('wall', one('a', cell(0, 3)));
    put('a', cell(6, 0));
    await moving.save();
    expect(moving.clash?.ids).toEqual(['a']);
    expect(sent).toEqual([]);
    await moving.settle(keep);
    expect([where('a'), moving.clash]).toEqual([want, undefined]);
  }
});

test('two gestures of one hand that follow each other are no quarrel', async () => {
  const { moving, where, sent } = page({ a: cell(0, 0) });
  moving.hold('wall', one('a', cell(2, 0)));
  const first = moving.save();
  moving.hold('wall', one('a', cell(4, 0)));
  await Promise.all([first, moving.save()]);
  expect([where('a'), moving.clash, sent.length]).toEqual(['4,0,2,2', undefined, 2]);
});

test('who was late, or whose place was taken, tries again on what is there, and not for ever', async () => {
  const { moving, put, where, sent, told, onload } = page({ a: cell(0, 0), b: cell(4, 0) }, [late, taken]);
  onload(() => put('b', cell(0, 3)));
  moving.hold('wall', one('a', cell(0, 3)));
  await moving.save();
  expect([where('a'), where('b'), sent.length, told]).toEqual(['0,3,2,2', '0,5,2,2', 3, []]);
  const never = page({ a: cell(0, 0) }, Array.from({ length: 20 }, () => late));
  never.moving.hold('wall', one('a', cell(0, 3)));
  await never.moving.save();
  expect([never.sent.length, never.told]).toEqual([MOST_TRIES + 1, [late]]);
});

test('what was removed while it was held is told, and the others of its group are moved', async () => {
  const { moving, widgets, where, sent } = page({ a: cell(0, 0), b: cell(2, 0) });
  moving.hold('wall', new Map([['a', cell(0, 3)], ['b', cell(2, 3)]]));
  widgets.delete('a');
  await moving.save();
  expect(notices.all.map(({ text }) => text)).toEqual(['Somebody removed this meanwhile: A']);
  expect([where('b'), sent[0]?.length]).toEqual(['2,3,2,2', 1]);
});

test('what is held and given up stays where it is', async () => {
  const { moving, sent } = page({ a: cell(0, 0) });
  moving.hold('wall', one('a', cell(0, 3)));
  moving.cancel();
  await moving.save();
  expect(sent).toEqual([]);
  expect(isOvertaken(new Problem(422, '', '', '', 0, { key: 'layout.wall.x' }))).toBe(false);
  expect(isOvertaken(new Problem(507, '', ''))).toBe(false);
});
