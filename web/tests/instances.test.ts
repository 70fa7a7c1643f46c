import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { ConnectionEntry } from '../src/api/instances';
import type { Instance, Metrics } from '../src/api/types';
import { flowText } from '../src/format/flow';
import { cutName } from '../src/format/name';
import { causes as german } from '../src/i18n/de/causes';
import { Instances } from '../src/live/instances.svelte';
import { causeText, hintText } from '../src/pages/instances/cause';
import { figuresOf, nearness, worst } from '../src/pages/instances/figures';
import { Flows } from '../src/pages/instances/flows.svelte';
import { curvesOf } from '../src/pages/instances/hours.svelte';
import { matching, ordered } from '../src/pages/instances/order';
import { formOf, withForm } from '../src/pages/instances/wish';

const instance = (id: string, more: Partial<Instance> = {}) =>
  ({ id, name: '', driver: 'mqtt', state: 'running', text: '', rate_in: 0, rate_out: 0, ...more }) as Instance;
const most = { disk: 1_000_000, network: 1_000_000 };

test('instances are in the order that is wanted, equals by name, and what is not measured is last', () => {
  const all = [
    instance('c', { cpu_percent: 1, rate_in: 5, state: 'error' }),
    instance('a', { cpu_percent: 7, memory_mb: 3 }),
    instance('b', { name: 'Aa', rate_out: 9, memory_mb: 30, state: 'degraded' }),
  ];
  expect(ordered(all, 'name')).toEqual(['a', 'b', 'c']);
  expect(ordered(all, 'cpu')).toEqual(['a', 'c', 'b']);
  expect(ordered(all, 'memory')).toEqual(['b', 'a', 'c']);
  expect(ordered(all, 'traffic')).toEqual(['b', 'c', 'a']);
  expect(ordered(all, 'state')).toEqual(['c', 'b', 'a']);
});

test('a search takes every word, in names, driver and cause, in any case and with umlauts', () => {
  const all = [instance('plc', { name: 'SPS Küche', text: 'wartet' }), instance('x', { driver: 'ads' })];
  const found = (search: string, state = '', driver = '') =>
    matching(all, { search, state, driver }, ({ text }) => text).map(({ id }) => id);
  expect(found('KÜCHE wartet')).toEqual(['plc']);
  expect(found('küche ads')).toEqual([]);
  expect(found('', 'running', 'ads')).toEqual(['x']);
  expect(found('')).toEqual(['plc', 'x']);
});

test('a figure is warned of at 80 % of its limit and alarmed at 95 %, and without a limit never', () => {
  expect([0.79, 0.8, 0.94, 0.95, 3].map(nearness)).toEqual(['fine', 'warned', 'warned', 'alarmed', 'alarmed']);
  const guard = { limits: { memory_mb: 100, max_cpu_share: 0.1 }, max_pps: 500 } as Instance['guard'];
  const near = figuresOf(instance('a', { guard, cpu_percent: 9, memory_mb: 96, memory_percent: 1, rate_in: 10 } as Partial<Instance>), { disk: 9e9, network: undefined }, most);
  expect(near.map(({ key, nearness }) => `${key} ${nearness}`)).toEqual([
    'cpu warned', 'memory alarmed', 'disk fine', 'network fine', 'samplesIn fine', 'samplesOut fine',
  ]);
  expect(worst(near)).toBe('alarmed');
  expect(figuresOf(instance('virtual'), { disk: undefined, network: undefined }, most).map(({ key }) => key)).toEqual(['samplesIn', 'samplesOut']);
});

test('what flows is a rate over some seconds, and another process begins anew', () => {
  const flows = new Flows();
  const at = (pid: number, mb: number) => [instance('a', { pid, disk_io_read_mb: mb, disk_io_write_mb: 0 })];
  flows.tick(1_000, at(1, 10));
  flows.tick(1_000, at(1, 99));
  flows.tick(3_000, at(1, 12));
  expect(flows.of('a').disk).toBe(1_048_576);
  expect(flows.of('a').network).toBeUndefined();
  flows.tick(4_000, at(2, 0));
  expect(flows.of('a').disk).toBe(0);
  expect(flows.of('nobody')).toEqual({ disk: undefined, network: undefined });
});

test('the curves of an hour leave out what could not be measured', () => {
  const column = (avg: (number | null)[]) => ({ unit: '', min: [], avg, max: [] });
  const figures = { cpu_percent: column([null, 2, 3]), disk_read_bytes_per_s: column([1, null, 3]), disk_written_bytes_per_s: column([1, null, null]) };
  const curves = curvesOf({ step_s: 60, times_ms: [], figures } as Metrics);
  expect(curves.cpu).toEqual([2, 3]);
  expect(curves.disk).toEqual([2, 3]);
  expect(curves.memory).toEqual([]);
});

test('the form of limits gives back what it did not change, and an emptied field is gone', () => {
  const entry: ConnectionEntry = { id: 'a', etag: 'e', driver: 'x', limits: { max_cpu_share: 0.07, memory_mb: 64 }, health: { interval_seconds: 5 } };
  expect(formOf(entry)).toMatchObject({ cpu_percent: 7, memory_mb: 64, priority: 'normal', auto_restart: true, interval_seconds: 5 });
  const put = withForm(entry, { ...formOf(entry), memory_mb: null, auto_restart: false });
  expect(put).toMatchObject({ id: 'a', etag: 'e', driver: 'x' });
  expect(put.limits).toEqual({ max_cpu_share: 0.07, priority: 'normal' });
  expect(put.health).toEqual({ auto_restart: false, interval_seconds: 5 });
});

test('what is searched in a list is found as the search of the house finds it', () => {
  const all = [instance('a', { name: 'Pumpe Küche' }), instance('b', { name: 'licht_kueche' }), instance('c', { name: 'Keller' })];
  for (const search of ['küche', 'KUECHE', 'kuche']) {
    expect(matching(all, { search, state: '', driver: '' }, () => '').map(({ id }) => id)).toEqual(['a', 'b']);
  }
  expect(matching(all, { search: 'kuche pumpe', state: '', driver: '' }, () => '').map(({ id }) => id)).toEqual(['a']);
  expect(matching(all, { search: ' ', state: '', driver: '' }, () => '')).toHaveLength(3);
});

test('a cause is said in German sentence by sentence, and the words of a plugin stay as they are', () => {
  const told = { state: 'starting', text: 'exited with code 3; starts again in 1.5 s', hint: 'look' };
  const causes = [{ code: 'exited', with: { code: '3' }, text: 'exited with code 3' }, { code: 'starts_again', with: { seconds: '1.5' }, text: '' }];
  expect(causeText({ ...told, causes }, 'de')).toBe('endete mit Code 3; startet in 1,5 s neu');
  expect(causeText({ ...told, causes }, 'en')).toBe(told.text);
  expect(hintText({ ...told, causes }, 'de')).toMatch(/Protokoll/);
  expect(hintText({ ...told, causes }, 'en')).toBe('look');
  expect(causeText({ ...told, causes: [{ text: 'waits for 10.0.0.7' }], text: 'waits for 10.0.0.7' }, 'de')).toBe('waits for 10.0.0.7');
  expect(causeText({ ...told, causes: [{ code: 'of_a_newer_daemon', text: told.text }] }, 'de')).toBe(told.text);
  expect(causeText({ ...told, state: 'panicked' }, 'de')).toMatch(/Not-Aus/);
});

test('what all drivers say in the same form is said in German, and what is inside stays as it came', () => {
  const say = (text: string, language: 'de' | 'en' = 'de') => causeText({ state: 'degraded', text, causes: [{ text }] }, language);
  const waits = 'waits for 10.0.0.7:502 (connection refused) since 14:02, next try in 8 s (14:05:31)';
  expect(say(waits)).toBe('wartet auf 10.0.0.7:502 (Verbindung abgelehnt) seit 14:02, nächster Versuch in 8 s (14:05:31)');
  expect(say(waits, 'en')).toBe(waits);
  expect(say('waits for <b>x</b> (broker (old) says no) since 2026-11-25 23:56, next try in 1 s (00:01:40) at other:1883')).toBe(
    'wartet auf <b>x</b> (broker (old) says no) seit 2026-11-25 23:56, nächster Versuch in 1 s (00:01:40) bei other:1883',
  );
  expect(say('plc cannot be reached: no route to the host')).toBe('plc ist nicht erreichbar: kein Weg dorthin');
  expect(say('the door is open')).toBe('the door is open');
  expect(say(`waits for ${'('.repeat(5_000)}`)).toMatch(/^waits for/);
  // Between sentences of the daemon too.
  const causes = [{ code: 'exited', with: { code: '3' }, text: 'exited with code 3' }, { text: 'connected' }];
  expect(causeText({ state: 'error', text: '', causes }, 'de')).toBe('endete mit Code 3; verbunden');
});

/** All code of the crate that makes the sentences, but for its tests. */
function supervisor(folder: string): string {
  const read = (entry: { name: string; isDirectory(): boolean }) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return supervisor(path);
    return entry.name.endsWith('.rs') && !/tests|month/.test(entry.name) ? readFileSync(path, 'utf8') : '';
  };
  return readdirSync(folder, { withFileTypes: true }).map(read).join('\n');
}

test('every sentence of the daemon has German words', () => {
  const code = supervisor(join(import.meta.dirname, '../../crates/supervisor/src'));
  const patterns = [/Cause::plain\(\s*"(\w+)"/g, /shown\(State::\w+, "(\w+)"/g, /\(State::\w+, "(\w+)", "/g, /Self::\w+ => "(no_beat|deaf|spinning|owing|silent|frozen)"/g];
  const codes = new Set(patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? '')));
  expect(codes.size).toBeGreaterThan(30);
  expect([...codes].filter((one) => !german.sentences[one])).toEqual([]);
  expect(Object.keys(german.sentences).filter((one) => !codes.has(one))).toEqual([]);
});

test('a long name is cut between letters, and bytes have a unit', () => {
  expect(cutName('abc', 3)).toBe('abc');
  expect(cutName('😀😀😀', 2)).toBe('😀😀…');
  expect([...cutName('x'.repeat(10_000))]).toHaveLength(81);
  expect([0, 999, 3_400, 25_000_000].map((n) => flowText(n, 'en-GB'))).toEqual(['0 B/s', '999 B/s', '3.4 kB/s', '25 MB/s']);
});

test('a new state is drawn at once, and what only counts is drawn together', () => {
  vi.useFakeTimers();
  const live = new Instances();
  const at = (rate_in: number, state = 'running') => [instance('a', { rate_in, state })];
  live.connected();
  live.receive([...at(1), instance('b')]);
  expect(live.all?.map(({ id }) => id)).toEqual(['a', 'b']);
  live.receive(at(2));
  live.receive(at(3));
  expect(live.byId('a')?.rate_in).toBe(1);
  vi.advanceTimersByTime(500);
  expect(live.byId('a')?.rate_in).toBe(3);
  live.receive(at(4));
  live.receive(at(5, 'error'));
  expect(live.byId('a')).toMatchObject({ rate_in: 5, state: 'error' });
  // A new connection tells the whole list.
  live.connected();
  live.receive(at(6));
  expect(live.all?.map(({ id }) => id)).toEqual(['a']);
  live.receive(at(7));
  live.clear();
  vi.advanceTimersByTime(5_000);
  expect(live.all).toBeUndefined();
  vi.useRealTimers();
});
