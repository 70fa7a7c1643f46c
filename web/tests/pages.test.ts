import './browser';
import { expect, test, vi } from 'vitest';
import { Problem } from '../src/api/http';
import type { LogEntry, PointInfo } from '../src/api/types';
import { de } from '../src/i18n/de';
import { en } from '../src/i18n/en';
import { problemLine, problemWords } from '../src/i18n/problem';
import { merged } from '../src/live/merge';
import { Points } from '../src/live/points.svelte';
import { DatapointRows } from '../src/pages/data/list.svelte';
import { fieldsText, isAtLeast, joinLines } from '../src/pages/instances/logLines';
import { actionsIn, countStates, toneOf } from '../src/pages/instances/state';
import { listOf } from '../src/pages/routes/spec';
import { sparkline } from '../src/ui/sparkline';

const line = (id: number, time_ms = id): LogEntry => ({ id, time_ms, level: 'info', instance: 'a', message: '' });

test('lines of a log are in order, none twice, and not without end', () => {
  const lines = joinLines([line(1), line(3)], [line(3), line(2), line(4)], 3);
  expect(lines.map(({ id }) => id)).toEqual([2, 3, 4]);
});

test('nothing new leaves the lines as they are', () => {
  const lines = [line(1)];
  expect(joinLines(lines, [line(1)])).toBe(lines);
});

test('lines of the same moment keep the order of their ids', () => {
  expect(joinLines([line(2, 5)], [line(1, 5)]).map(({ id }) => id)).toEqual([1, 2]);
});

test('a level shows itself and worse', () => {
  expect(isAtLeast('error', 'warn')).toBe(true);
  expect(isAtLeast('info', 'warn')).toBe(false);
  expect(fieldsText({ host: 'x', n: 1 })).toBe('host=x n=1');
});

test('every state has its actions, and one of a newer daemon is no alarm', () => {
  expect(actionsIn('stopped')).toEqual(['start']);
  expect(actionsIn('error')).toEqual(['start']);
  expect(actionsIn('running')).toEqual(['detach', 'restart', 'stop', 'kill']);
  expect(actionsIn('stopping')).toEqual(['kill']);
  for (const state of ['suspended_by_spam', 'suspended_by_limit']) {
    expect(actionsIn(state)).toEqual(['reactivate', 'stop']);
    expect(toneOf(state)).toBe('warn');
  }
  expect(toneOf('hibernating')).toBe('off');
});

test('states in trouble are counted first', () => {
  const states = ['running', 'error', 'running', 'degraded'].map((state) => ({ state }));
  expect([...countStates(states)]).toEqual([
    ['error', 1],
    ['degraded', 1],
    ['running', 2],
  ]);
});

test('changed instances replace their elders, in the order of the ids', () => {
  const all = merged([{ id: 'b', n: 1 }, { id: 'c', n: 1 }], [{ id: 'a', n: 2 }, { id: 'b', n: 2 }]);
  expect(all.map(({ id, n }) => `${id}${n}`)).toEqual(['a2', 'b2', 'c1']);
});

test('a curve ends at the right and a flat zero is none', () => {
  expect(sparkline([0, 0], 60, 120, 26)).toBeUndefined();
  expect(sparkline([5], 60, 120, 26)).toBeUndefined();
  expect(sparkline([0, 10], 2, 100, 22)).toEqual({ points: '0,21 100,1', fromX: 0 });
});

test('the ends of a route are addresses, or what a newer daemon says', () => {
  expect(listOf('a.b')).toEqual(['a.b']);
  expect(listOf(['a.b', { to: 'c' }])).toEqual(['a.b', '{"to":"c"}']);
  expect(listOf(undefined)).toEqual([]);
});

test.each([
  [new Problem(0, '', ''), 'Fieldrail antwortet nicht'],
  [new Problem(403, 'Forbidden', 'only admins'), 'Ihre Rolle erlaubt das nicht: only admins'],
  [new Problem(429, '', '', '', 30), 'Zu viele Anfragen: Zu viele Versuche. Bitte 30 s warten.'],
  [new Problem(409, 'Conflict', 'not running'), 'not running'],
])('problem %# is said in words', (problem, words) => {
  expect(problemLine(problem, de)).toBe(words);
});

test('the hint of the daemon goes before the one of the page', () => {
  expect(problemWords(new Problem(403, '', '', 'ask anna'), en).hint).toBe('ask anna');
});

test('of two searches the newer one is shown, whichever answers first', async () => {
  const answers: ((items: string[]) => void)[] = [];
  vi.stubGlobal('fetch', () => {
    return new Promise((resolve) => {
      answers.push((addresses) => {
        const items = addresses.map((address) => ({ address, value: 1, receive_ms: 1 }) as PointInfo);
        resolve(new Response(JSON.stringify({ items, total: items.length })));
      });
    });
  });
  const points = new Points(() => {}, (task) => task(0));
  const list = new DatapointRows(points);
  const all = { kind: '', quality: '', instance: '' } as const;
  const [slow, fast] = [list.find({ ...all, search: 'a' }), list.find({ ...all, search: 'ab' })];
  answers[1]?.(['x.ab']);
  answers[0]?.(['x.a', 'x.ab']);
  await Promise.all([slow, fast]);
  expect(list.rows?.map(({ address }) => address)).toEqual(['x.ab']);
  expect(list.loading).toBe(false);
  vi.unstubAllGlobals();
});
