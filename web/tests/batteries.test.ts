import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Device } from '../src/api/bluetooth';
import type { TreeNode } from '../src/api/data';
import { RADIO, shownAs } from '../src/live/able';
import { alarmText } from '../src/pages/batteries/alarmWords';
import { doubtsOf, packsOf, shareOf, spreadOf } from '../src/pages/batteries/battery';
import { barsOf, listed, makerText, makersOf, readBy, serviceText, shortUuid } from '../src/pages/bluetooth/devices';
import { nameOf } from '../src/pages/bluetooth/names';
import { Radio } from '../src/pages/bluetooth/radio.svelte';

const node = (tag: string, more: Partial<TreeNode> = {}): TreeNode => ({ name: tag, path: tag, tag, children: false, ...more });
const device = (address: string, more: Partial<Device> = {}): Device => ({ address, ...more });

test('the datapoints of one battery are one pack without a name', () => {
  const tags = ['cells.10', 'cells.02', 'cells.01', 'voltage', 'alarms.short_circuit', 'warnings.device', 'limits.cell_overvoltage', 'charge_limit', 'charge_mos', 'soh', 'serial', 'ac.power'];
  const [pack, ...rest] = packsOf('b', tags.map((tag) => node(tag)));
  expect(rest).toEqual([]);
  const names = (parts: { name: string }[] | undefined) => parts?.map(({ name }) => name);
  expect([pack?.name, pack?.isBank]).toEqual(['', false]);
  expect(names(pack?.cells)).toEqual(['cells.01', 'cells.02', 'cells.10']);
  expect(names(pack?.alarms)).toEqual(['alarms.short_circuit', 'warnings.device']);
  expect(names(pack?.limits)).toEqual(['limits.cell_overvoltage', 'charge_limit']);
  expect(names(pack?.switches)).toEqual(['charge_mos']);
  expect(names(pack?.others)).toEqual(['soh', 'ac.power', 'serial']);
  expect(pack?.cells[0]?.address).toBe('b.cells.01');
});

test('several packs are told apart, and what they are together comes first', () => {
  const tags = ['pack10.soc', 'pack2.cells.01', 'pack2.voltage', 'bank.current', 'bank.packs', 'bank.packs_online', 'folder'];
  expect(packsOf('b', tags.map((tag) => node(tag))).map(({ name, isBank }) => [name, isBank])).toEqual([
    ['bank', true],
    ['pack2', false],
    ['pack10', false],
  ]);
  expect(packsOf('b', [node('x', { tag: undefined as never })])).toEqual([]);
});

test('the scale of the cells shows their difference, and the extremes are told', () => {
  expect(spreadOf([3.31, 3.288, undefined, 3.342])).toEqual({ from: 3.25, to: 3.4, lowest: 1, highest: 3 });
  expect(spreadOf([undefined])).toBeUndefined();
  const zero = spreadOf([0, 0]);
  expect(zero && [zero.from, zero.to > 0]).toEqual([0, true]);
  expect([shareOf(3, 2, 4), shareOf(9, 2, 4), shareOf(1, 2, 4), shareOf(1, 1, 1)]).toEqual([0.5, 1, 0, 0]);
});

test('the same doubt is told once, the bad first', () => {
  const points = [
    { name: 'a', quality: 'uncertain', reason: 'implausible', note: 'x' },
    { name: 'b', quality: 'good', reason: '', note: '' },
    { name: 'c', quality: 'uncertain', reason: 'implausible', note: 'x' },
    { name: 'd', quality: 'bad', reason: 'not_connected', note: '' },
  ];
  expect(doubtsOf(points).map(({ quality, names }) => [quality, names])).toEqual([['bad', ['d']], ['uncertain', ['a', 'c']]]);
});

test.each([
  ['cell_overvoltage', 'Cell: overvoltage', 'Zelle: Überspannung'],
  ['discharge_overcurrent_2', 'Discharging: overcurrent (level 2)', 'Entladen: Überstrom (Stufe 2)'],
  ['pack_voltage_low_l1', 'Pack voltage: low (level 1)', 'Packspannung: niedrig (Stufe 1)'],
  ['charge_mos_fault', 'Charge MOSFET: fault', 'Lade-MOSFET: Fehler'],
  ['short_circuit', 'Short circuit', 'Kurzschluss'],
  ['something_new', 'something new', 'something new'],
  ['', '', ''],
])('the alarm %s has words', (name, en, de) => {
  expect([alarmText(name, 'en'), alarmText(name, 'de')]).toEqual([en, de]);
});

/** Bits without a meaning in the protocol's table are told by their number. */
const NUMBERED = /^(b\d+|protection)_\d+$/;

test('hardly an alarm that a driver names is without German words', () => {
  const folder = join(import.meta.dirname, '../../drivers/bms/src/battery');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.rs'));
  const names = new Set(sources.flatMap((file) => [...readFileSync(join(folder, file), 'utf8').matchAll(/"alarms\.(\w+)"/g)].map(([, name]) => name ?? '')));
  expect(names.size).toBeGreaterThan(100);
  const without = [...names].filter((name) => !NUMBERED.test(name) && alarmText(name, 'de') === name.replaceAll('_', ' '));
  expect(without.length / names.size, without.join()).toBeLessThan(0.05);
});

test.each([
  [-50, 4],
  [-60, 4],
  [-61, 3],
  [-90, 1],
  [-91, 0],
  [null, undefined],
  [undefined, undefined],
])('%s dBm are %s bars', (rssi, bars) => {
  expect(barsOf(rssi)).toBe(bars);
});

test('what is meant comes first, and within that the order in which they came', () => {
  const battery = device('B', { connection: { driver: 'bms', config: {} } });
  const phone = device('P', { manufacturer: { '004C': '00' } });
  const sensor = device('S', { name: 'Küche', known: { class: 'sensor', kind: 'r', title: 'RuuviTag' } });
  const since = new Map([['P', 0], ['S', 1], ['B', 2]]);
  const of = (search: string, show: 'all' | 'battery' | 'known') => listed([phone, sensor, battery], { search, show }, since).map(({ address }) => address);
  expect(of('', 'all')).toEqual(['B', 'S', 'P']);
  expect(of('', 'known')).toEqual(['B', 'S']);
  expect(of('', 'battery')).toEqual(['B']);
  expect(of('kueche', 'all')).toEqual(['S']);
  expect(of('apple', 'all')).toEqual(['P']);
});

test('numbers of makers and services have names where they are known', () => {
  expect([makerText('02E1'), makerText('1234')]).toEqual(['Victron Energy (02e1)', '1234']);
  expect(makersOf(device('a', { manufacturer: { '0499': '' } }))).toEqual(['Ruuvi']);
  expect(shortUuid('0000180F-0000-1000-8000-00805F9B34FB')).toBe('180f');
  expect([serviceText('180f'), serviceText('ff00')]).toEqual(['Battery (180f)', 'ff00']);
});

test('a device is read by the connection that has its address, however it is spelled', () => {
  const found = device('A5:C2:37:00:00:01', { connection: { driver: 'bms', config: {} } });
  const one = { driver: 'bms', config: { packs: [{ bluetooth: 'a5:c2:37:00:00:01' }] } };
  expect(readBy([{ driver: 'mqtt', config: one.config }, one], found)).toBe(one);
  expect(readBy([{ driver: 'bms', config: null }], found)).toBeUndefined();
});

test('a name of a stranger is cut, and without one the address stands', () => {
  expect(nameOf(device('A', { name: '  ' }))).toBe('A');
  expect(nameOf(device('A', { name: 'x'.repeat(10_000) })).length).toBe(41);
});

test('instances are shown as what their drivers are able to', () => {
  const all = [{ capabilities: ['scan'] }, { capabilities: ['browse', 'scan', 'pair'] }];
  expect(shownAs(all, ...RADIO)).toEqual([all[1]]);
  expect(shownAs(all)).toEqual(all);
});

test('loudness is kept over time, with gaps where a device was not heard, and within bounds', () => {
  const radio = new Radio('bt', () => Promise.reject(new Error('not asked')));
  radio.take({ adapter: null, devices: [device('A', { rssi: -60, age_s: 1 }), device('B', { rssi: -50 })] }, 1_000);
  radio.take({ devices: [device('A', { rssi: -60, age_s: 90 })] }, 4_000);
  expect(radio.heard.get('A')).toEqual([{ at: 1_000, rssi: -60 }, { at: 4_000, rssi: undefined }]);
  expect([...radio.since]).toEqual([['B', 0], ['A', 1]]);
  for (let at = 0; at < 300; at += 1) radio.take({ devices: [device('A', { rssi: -60 })] }, 5_000 + at);
  expect(radio.heard.get('A')?.length).toBe(100);
  radio.take({ devices: Array.from({ length: 2_000 }, (_, n) => device(`D${n}`)) }, 9_000);
  expect(radio.heard.size).toBe(600);
});

test('where nobody comes, goes or touches anything it looks less often, and at once when somebody does', async () => {
  vi.useFakeTimers();
  vi.stubGlobal('document', { hidden: false });
  let looks = 0;
  let around = [device('A', { rssi: -60 })];
  const radio = new Radio('bt', () => ((looks += 1), Promise.resolve({ devices: around })));
  const stop = radio.start();
  const within = async (ms: number) => {
    const before = looks;
    await vi.advanceTimersByTimeAsync(ms);
    return looks - before;
  };
  expect(await within(30_010)).toBe(10);
  await vi.advanceTimersByTimeAsync(40_000);
  expect(await within(60_000)).toBe(6);
  radio.touch();
  expect(await within(30_000)).toBeGreaterThanOrEqual(10);
  await vi.advanceTimersByTimeAsync(60_000);
  around = [...around, device('B')];
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await within(30_000)).toBe(10);
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a list that failed stands, and the next answer takes its trouble away', async () => {
  vi.useFakeTimers();
  vi.stubGlobal('document', { hidden: false });
  let works = true;
  const radio = new Radio('bt', () => (works ? Promise.resolve({ devices: [device('A')] }) : Promise.reject(new Error('no adapter'))));
  const stop = radio.start();
  await vi.advanceTimersByTimeAsync(10);
  expect(radio.devices?.length).toBe(1);
  works = false;
  await vi.advanceTimersByTimeAsync(3_100);
  expect([radio.devices?.length, radio.problem?.detail]).toEqual([1, 'Error: no adapter']);
  works = true;
  await vi.advanceTimersByTimeAsync(8_100);
  expect(radio.problem).toBeUndefined();
  // Nobody touches the page: the search rests.
  await vi.advanceTimersByTimeAsync(700_000);
  expect(radio.tired).toBe(true);
  radio.touch();
  expect(radio.tired).toBe(false);
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
