import { expect, test } from 'vitest';
import type { RearmStep, SafeWrite } from '../src/api/types';
import { byInstance, rowsOf } from '../src/pages/panic/houses';

const step = (instance?: string, name = '') => ({ instance, name, done: false, ends: [], waiting: 0, routes: 2 }) as unknown as RearmStep;
const write = (address: string, outcome: SafeWrite['outcome'] = 'confirmed'): SafeWrite => ({ address, value: false, cause: 'on_panic', outcome });

test('what is owed stands once, and what was written keeps its own outcome', () => {
  const owed = [{ address: 'plc.a', end: 0 }, { address: 'plc.b', end: 7, reason: 'away' }] as never;
  expect(rowsOf([write('plc.a', 'not_reached')], owed).map(({ address, outcome, value }) => [address, outcome, value])).toEqual([
    ['plc.a', 'not_reached', false],
    ['plc.b', 'owed', 7],
  ]);
});

test('each address goes to the instance whose name is the longest in front of it, in any case', () => {
  const rows = rowsOf([write('mqtt.x'), write('MQTT.broker.y'), write('nobody.z')], []);
  const plan = byInstance([step('mqtt', 'Broker'), step('mqtt.broker'), step(undefined)], rows);
  expect(plan.map(({ name, rows }) => [name, rows.map(({ address }) => address)])).toEqual([
    ['Broker', ['mqtt.x']],
    ['mqtt.broker', ['MQTT.broker.y']],
    ['', ['nobody.z']],
  ]);
});
