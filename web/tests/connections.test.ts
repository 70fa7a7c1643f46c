import { expect, test, vi } from 'vitest';
import { alreadyBy, aloneWith, devicesIn, searchesOf } from '../src/pages/connections/found';
import { idFault, idFrom } from '../src/pages/connections/id';
import { firstTags } from '../src/pages/first/tags';

test('a name suggests an id that nobody has', () => {
  const check = (name: string, taken: string[], want: string) => expect(idFrom(name, taken, 'modbus')).toBe(want);
  check('Wärmepumpe im Keller', [], 'waermepumpe_im_keller');
  check('SPS Ölraum (groß)', [], 'sps_oelraum_gross');
  check('Keller', ['keller', 'keller_2'], 'keller_3');
  check('<script>alert(1)</script>', [], 'script_alert_1_script');
  check('', [], 'modbus');
  check('مضخة', [], 'modbus');
  check('System', [], 'modbus');
  check('x'.repeat(10_000), [], 'x'.repeat(60));
  check('a', ['a.b'], 'a_2');
});

test('an id that the daemon would refuse is refused while it is typed', () => {
  const check = (id: string, want: unknown) => expect(idFault(id, ['plc', 'bt.bms_001'])).toEqual(want);
  check('plc_2', undefined);
  check('', 'required');
  check('Plc', 'spelling');
  check('a..b', 'spelling');
  check('<b>', 'spelling');
  check('system.x', 'reserved');
  check('test', 'reserved');
  check('tester', undefined);
  check('plc', 'taken');
  check('plc.x', { overlaps: 'plc' });
  check('bt', { overlaps: 'bt.bms_001' });
  check('x'.repeat(65), 'long');
});

test('what a search answers becomes devices, however it is wrapped', () => {
  const list = devicesIn([{ name: 'CX-1', ams_net_id: '1.2', twincat: null, config: { host: 'h', port: null } }]);
  expect(list).toEqual([{ title: 'CX-1', facts: [{ label: 'ams net id', text: '1.2' }], config: { host: 'h' } }]);
  expect(devicesIn({ units: [{ unit: 3, says: 'answers' }] })?.[0]).toMatchObject({ title: 'unit 3', config: undefined });
  expect(devicesIn([])).toEqual([]);
  for (const other of [null, 7, 'x', { a: 1 }, { a: [1], b: [2] }, [1, 2]]) expect(devicesIn(other)).toBeUndefined();
  expect(devicesIn(Array.from({ length: 5_000 }, () => ({ name: 'x' })))).toHaveLength(500);
});

test('a device that is there already is recognised by the keys that reach it', () => {
  const there = [{ driver: 'ads', config: { host: 'h', port: 1, more: true } }];
  expect(alreadyBy(there, 'ads', { host: 'h', port: 1 })).toBe(there[0]);
  expect(alreadyBy(there, 'ads', { host: 'h', port: 2 })).toBeUndefined();
  expect(alreadyBy(there, 'modbus', { host: 'h' })).toBeUndefined();
});

test('a search is what the driver declares as one, whatever the driver is called', () => {
  const action = (name: string, args?: Record<string, unknown>) => ({ name, description: '', ...(args ? { arguments: args } : {}) });
  const actions = [action('scan'), action('pair'), action('discover', { 'x-without-connection': { host: 'x' } })];
  const capabilities = { browse: true, read: true, write: true, simulation: false, actions };
  const driver = { name: 'any', version: '1', description: '', capabilities, config_schema: null };
  expect(searchesOf(driver).map(({ name }) => name)).toEqual(['scan', 'discover']);
  expect(actions.map(aloneWith)).toEqual([undefined, undefined, { host: 'x' }]);
});

test('the first values are found from the top, and a tree without end is not walked without end', async () => {
  const folder = (path: string) => ({ name: path, path, children: true });
  const open = vi.fn((path: string) => Promise.resolve(path === '' ? [folder('a')] : [folder(`${path}a`)]));
  expect(await firstTags(open)).toEqual([]);
  expect(open.mock.calls.length).toBeLessThan(30);
  const leaf = { name: 'x', path: 'x', tag: 'x', children: false };
  expect(await firstTags(() => Promise.resolve([leaf, folder('b')]))).toHaveLength(8);
});
