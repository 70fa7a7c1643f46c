import { expect, test } from 'vitest';
import type { Summary } from '../src/api/summary';
import type { Alarm, AlarmPage, Instance, Panic } from '../src/api/types';
import { de } from '../src/i18n/de';
import { en } from '../src/i18n/en';
import { boxFigures, houseFigures } from '../src/pages/home/figures';
import { type House, type Looker, needsOf } from '../src/pages/home/needs';

const looker = (more: Partial<Looker> = {}): Looker => ({
  admin: true,
  operator: true,
  pages: new Set(['/logs', '/routes', '/instances']),
  nowMs: 3_600_000,
  locale: 'en-GB',
  t: en,
  said: (text) => text,
  say: ({ text, hint }) => ({ cause: text, hint: hint ?? '' }),
  ...more,
});

const summary = (more: Partial<Summary> = {}): Summary => ({
  box: { temperatures: {}, disks: [] },
  troubles: [],
  version: '1.2.3',
  uptime_s: 7_200,
  datapoints: 12_345,
  routes: 7,
  faults: [],
  daemon: {},
  open_errors: { items: [] },
  failing_routes: { items: [], count: 0 },
  ...more,
});

const instance = (state: string, more: Partial<Instance> = {}) =>
  ({ id: 'plc', name: 'PLC', state, enabled: true, text: '', detached: false, ...more }) as Instance;

const alarm = (address: string, more: Partial<Alarm> = {}): Alarm => ({
  address,
  severity: 'warning',
  state: 'active',
  flaps: false,
  source_lost: false,
  ...more,
});
const alarms = (...items: Alarm[]): AlarmPage => ({ items, active_count: items.length, unacknowledged_count: items.length });

const house = (more: Partial<House> = {}): House => ({
  instances: [],
  alarms: alarms(),
  panic: { state: 'armed' } as Panic,
  summary: summary(),
  ...more,
});

const brief = (more: Partial<House>, who = looker()) =>
  needsOf(house(more), who).map(({ key, tone, remedies }) => `${tone} ${key}: ${remedies.map(({ label }) => label).join(', ')}`);

test('a house in which all is well needs nothing, and neither does what a person stopped', () => {
  const instances = ['running', 'starting', 'stopping', 'panicked'].map((state) => instance(state));
  expect(brief({ instances: [...instances, instance('stopped', { enabled: false })] })).toEqual([]);
});

test('what is wrong with an instance is mended by an administrator and looked at by others', () => {
  const wanted: [string, string, string][] = [
    ['error', 'bad instance plc: Start, Logs', 'bad instance plc: Look, Logs'],
    ['stopped', 'bad instance plc: Start, Logs', 'bad instance plc: Look, Logs'],
    ['suspended_by_spam', 'warn instance plc: Reactivate, Logs', 'warn instance plc: Look, Logs'],
    ['suspended_by_limit', 'warn instance plc: Reactivate, Logs', 'warn instance plc: Look, Logs'],
    ['detached', 'warn instance plc: Attach, Logs', 'warn instance plc: Look, Logs'],
    ['degraded', 'warn instance plc: Look, Logs', 'warn instance plc: Look, Logs'],
  ];
  for (const [state, admin, viewer] of wanted) {
    expect(brief({ instances: [instance(state)] })).toEqual([admin]);
    expect(brief({ instances: [instance(state)] }, looker({ admin: false, operator: false }))).toEqual([viewer]);
  }
});

test('each need says its cause, also where nobody gave one', () => {
  const cause = (one: Instance) => needsOf(house({ instances: [one] }), looker())[0]?.cause;
  expect(cause(instance('degraded', { ill: 'frozen', text: 'nothing changed for 3 min' }))).toBe('Values are frozen: nothing changed for 3 min');
  expect(cause(instance('error', { last_error: 'exit 3' }))).toBe('exit 3');
  expect(cause(instance('error'))).toBe(en.home.instance.noCause);
  expect(cause(instance('detached', { text: 'runs' }))).toBe(en.home.instance.detachedCause);
});

test('alarms are acknowledged by operators; of many the rest is one row', () => {
  const viewer = looker({ admin: false, operator: false });
  expect(brief({ alarms: alarms(alarm('a')) })).toEqual(['warn alarm a: Acknowledge, Show']);
  expect(brief({ alarms: alarms(alarm('a')) }, viewer)).toEqual(['warn alarm a: Show']);
  expect(brief({ alarms: alarms(alarm('a', { state: 'acknowledged', severity: 'critical' })) })).toEqual(['bad alarm a: Show']);
  expect(brief({ alarms: alarms(alarm('a', { state: 'cleared', severity: 'critical' })) })[0]).toMatch(/^warn/);
  const many = brief({ alarms: alarms(...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((address) => alarm(address))) });
  expect(many.length).toBe(6);
  expect(needsOf(house({ alarms: alarms(...'abcdefg'.split('').map((a) => alarm(a))) }), looker({ t: de })).at(-1)?.title).toBe('2 weitere Alarme');
});

test('the worst comes first, and a panic before all', () => {
  const keys = needsOf(
    house({
      instances: [instance('degraded', { id: 'a' }), instance('error', { id: 'b' })],
      panic: { state: 'latched', by: 'anna', since_ms: 0 } as Panic,
      alarms: alarms(alarm('x', { severity: 'critical' })),
    }),
    looker(),
  ).map(({ key }) => key);
  expect(keys).toEqual(['panic', 'instance b', 'alarm x', 'instance a']);
});

test('disks, files, routes and errors lead to where they are mended', () => {
  const broken = summary({
    box: {
      temperatures: {},
      disks: [
        { name: 'config', free_mb: 900, size_mb: 10_000, state: 'low' },
        { name: 'state', free_mb: 1, size_mb: 10_000, state: 'full' },
      ],
    },
    troubles: ['system_logs.db: no room'],
    faults: [{ severity: 'error', file: 'routing.json', line: 3, key: '', message: 'no comma' }],
    failing_routes: { items: [{ id: 'r', errors: 3, matched: 4, last_error: 'no number' }], count: 2 },
    open_errors: { items: [{ id: 1, title: 'boom', instance: '', count: 2, last_ms: 0 } as never], next: 'x' },
  });
  const needs = needsOf(house({ summary: broken }), looker());
  const told = needs.map(({ key, tone, remedies }) => `${tone} ${key} ${remedies[0]?.kind === 'link' ? remedies[0].to : ''}`);
  expect(told).toEqual([
    'bad disk state /logs?tab=lines',
    'bad trouble system_logs.db: no room /logs?tab=lines',
    'bad file 0 routing.json /routes',
    'warn disk config /logs?tab=lines',
    'warn route r /routes?id=r',
    'warn more routes /routes',
    'warn error 1 /logs?tab=errors',
    'warn more errors /logs?tab=errors',
  ]);
  expect(needs[2]?.cause).toBe('Line 3: no comma What was right before is in force.');
  const system = needsOf(house({ summary: broken }), looker({ pages: new Set(['/system', '/connections']) }));
  expect(system[0]?.remedies[0]).toMatchObject({ to: '/system' });
});

test('the name of every button holds what is seen of it, in both languages', () => {
  for (const t of [en, de]) {
    const all = needsOf(
      house({
        instances: ['error', 'degraded', 'detached'].map((state) => instance(state, { id: state })),
        alarms: alarms(...'abcdefg'.split('').map((a) => alarm(a))),
        panic: { state: 'latched', by: 'anna', since_ms: 0 } as Panic,
        summary: summary({ failing_routes: { items: [{ id: 'r', errors: 1, matched: 1 }], count: 3 } }),
      }),
      looker({ t }),
    );
    for (const { label, name } of all.flatMap(({ remedies }) => remedies)) expect(name).toContain(label);
  }
});

test('what the box does not have is left out, and two folders on one disk are one figure', () => {
  expect(boxFigures(summary(), 'en-GB', en)).toEqual([]);
  const disks = (free: number): Summary['box']['disks'] => [
    { name: 'config', free_mb: 500, size_mb: 1_000, state: 'ok' },
    { name: 'state', free_mb: free, size_mb: 1_000, state: 'ok' },
  ];
  const labels = (free: number) => boxFigures(summary({ box: { temperatures: { cpu: 81 }, disks: disks(free) } }), 'en-GB', en);
  expect(labels(500).map(({ label }) => label)).toEqual(['Free on the disk', 'Temperature']);
  expect(labels(100).length).toBe(3);
  expect(labels(500)[1]?.tone).toBe('warn');
});

test('the counts lead to their pages', () => {
  const rows = houseFigures(summary(), [instance('running'), instance('stopped')], 2, 'en-GB', en);
  expect(rows.map(({ text, to }) => [text, to])).toEqual([
    ['1 of 2', '/instances'],
    ['12,345', '/data'],
    ['7', '/routes'],
    ['2', '/alarms'],
    ['2 h', undefined],
  ]);
});
