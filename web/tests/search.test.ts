import './browser';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { DeviceFinds, Found } from '../src/api/search';
import { fits, folded } from '../src/format/fold';
import { de } from '../src/i18n/de';
import { en } from '../src/i18n/en';
import { pages } from '../src/shell/pages';
import { DEVICE_PAUSE_MS, Finder, PAUSE_MS } from '../src/shell/search/finder.svelte';
import { groupsOf } from '../src/shell/search/hits';

test('an umlaut meets itself however it was typed, as in the daemon', () => {
  for (const spelled of ['Küche', 'KÜCHE', 'kueche', 'kuche', 'KUECHE', 'ku\u0308che']) expect(folded(spelled)).toBe('kuche');
  expect(folded('Straße')).toBe(folded('STRASSE'));
  expect(fits('licht küche', ['solar.house/kueche', 'Licht'])).toBe(true);
  expect(fits('licht bad', ['solar.house/kueche', 'Licht'])).toBe(false);
  expect(fits('elle', ['calc.quelle', undefined])).toBe(true);
});

const found = (...addresses: string[]): Found => ({
  datapoints: addresses.map((address) => ({ address })),
  datapoints_count: addresses.length,
  instances: [],
  routes: [],
  alarms: [],
});
const nothing: DeviceFinds = { nodes: [], unanswered: [], more: false };

/** Answers to the house, given by hand. */
let answers: { text: string; answer: (found: Found) => void; fail: (cause: unknown) => void }[];
let devices: string[];
let finder: Finder;

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  devices = [];
  finder = new Finder({
    house: (text) => new Promise((answer, fail) => answers.push({ text, answer, fail })),
    devices: async (text) => {
      devices.push(text);
      return nothing;
    },
  });
});
afterEach(() => vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(0);

test('who types is not interrupted by every letter, and devices are asked last', async () => {
  for (const text of ['k', 'ku', 'kue', ' kue ']) finder.type(text);
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  expect(answers.map(({ text }) => text)).toEqual(['kue']);
  expect(devices).toEqual([]);
  await vi.advanceTimersByTimeAsync(DEVICE_PAUSE_MS - PAUSE_MS);
  expect(devices).toEqual(['kue']);
});

test('an answer to an older text is never shown for a newer one', async () => {
  finder.type('power');
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  finder.type('solar');
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  answers[1]?.answer(found('calc.solar'));
  await settle();
  answers[0]?.answer(found('calc.power'));
  await settle();
  expect(finder.found?.datapoints).toEqual([{ address: 'calc.solar' }]);
});

test('until its own answer is there a longer text shows what fits it of the shorter one', async () => {
  finder.type('po');
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  answers[0]?.answer(found('calc.power', 'calc.pole'));
  await settle();
  finder.type('pow');
  expect(finder.found?.datapoints).toEqual([{ address: 'calc.power' }]);
  expect(finder.busy).toBe(true);
});

test('a failure is shown, and asking again mends it', async () => {
  finder.type('power');
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  answers[0]?.fail(new Error('no network'));
  await settle();
  expect([finder.problem?.detail, finder.busy]).toEqual(['Error: no network', false]);
  finder.again();
  expect(finder.problem).toBeUndefined();
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  answers[1]?.answer(found('calc.power'));
  await settle();
  expect(finder.found?.datapoints.length).toBe(1);
});

test('an emptied field shows the pages alone and asks nobody', async () => {
  finder.type('power');
  finder.type('');
  await vi.advanceTimersByTimeAsync(DEVICE_PAUSE_MS);
  expect([answers.length, devices.length, finder.busy, finder.found]).toEqual([0, 0, false, undefined]);
});

test('a node of a device that is a datapoint already is one row, and every row leads somewhere', () => {
  const house: Found = {
    ...found('plc.a b/c'),
    instances: [{ id: 'plc', name: '', driver: 'ads', state: 'running' }],
    routes: [{ id: 'r&1' }],
    alarms: [{ address: 'plc.alarm', severity: 'critical', state: 'active' }],
  };
  const tree: DeviceFinds = {
    ...nothing,
    nodes: [
      { instance: 'plc', name: 'c', path: 'a b/c', address: 'plc.a b/c', children: false },
      { instance: 'plc', name: 'd', path: 'a b/d', address: 'plc.a b/d', children: false, comment: 'Licht' },
    ],
  };
  const groups = groupsOf('plc', pages, house, tree, en);
  const rows = groups.map(({ key, hits }) => [key, ...hits.map(({ title, to }) => `${title} ${to}`)]);
  expect(rows).toEqual([
    ['alarms', 'plc.alarm /alarms'],
    ['instances', 'plc /instances?search=plc'],
    ['datapoints', 'plc.a b/c /data?point=plc.a+b%2Fc'],
    ['devices', 'd /data?point=plc.a+b%2Fd'],
    ['routes', 'r&1 /routes?id=r%261'],
  ]);
});

test('pages are found by their name in the language of the person', () => {
  const names = (text: string, t: typeof en) => groupsOf(text, pages, undefined, undefined, t)[0]?.hits.map(({ title }) => title);
  expect(names('protok', de)).toEqual(['Protokoll']);
  expect(names('', en)?.length).toBe(pages.length);
});
