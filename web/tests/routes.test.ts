// The routes page's pure parts: form and JSON say the same, the list finds and orders, two changes become one, words are completed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Language } from '../src/api/routing';
import type { RouteItem, RouteSpec, RouteStats } from '../src/api/types';
import { branchOf, literalOf } from '../src/pages/routes/addresses';
import { germanHelp } from '../src/pages/routes/helpGerman';
import { rateOf, shown, stateOf } from '../src/pages/routes/list';
import { effects, race } from '../src/pages/routes/merge';
import { form, freeId, idFor, KEYS, oddKeys, parseSpec, same, specText, unknownKeys, withKey } from '../src/pages/routes/spec';
import { expectation, fieldText, readField, restOf, type TestCase, withRest } from '../src/pages/routes/testCase';
import { accept, caretIn, nearWord, stretch, suggest } from '../src/pages/routes/words';

const root = join(import.meta.dirname, '../..');

/** Every route that stands in the repository's texts as an example, right ones and wrong ones. */
function examples(): RouteSpec[] {
  const texts = ['docs/specs/routing.md', 'docs/manual/en.md', 'docs/manual/de.md'].map((name) => readFileSync(join(root, name), 'utf8'));
  const blocks = texts.flatMap((text) => [...text.matchAll(/^```json[^\n]*\n([\s\S]*?)^```/gm)].map(([, body]) => body!));
  const demo = readFileSync(join(root, 'crates/fieldrail/demo/routing.json'), 'utf8');
  const documents = [...blocks, demo].flatMap((text): unknown[] => {
    try {
      return [JSON.parse(text)];
    } catch {
      return [];
    }
  });
  const isRoute = (one: unknown): one is RouteSpec => typeof one === 'object' && one !== null && 'from' in one && 'to' in one;
  return documents.flatMap((one) => (Array.isArray(one) ? one : ((one as { routes?: unknown[] }).routes ?? [one]))).filter(isRoute);
}

test('there are examples of every key', () => {
  const used = new Set(examples().flatMap(Object.keys));
  expect(examples().length).toBeGreaterThan(80);
  expect(KEYS.filter((key) => !used.has(key))).toEqual([]);
  expect([...used].filter((key) => !(KEYS as readonly string[]).includes(key))).toEqual([]);
});

/** Some other value for each key, of the kind that the form gives. */
const OTHER: { [key in (typeof KEYS)[number]]: unknown } = {
  id: 'other', description: 'x', enabled: false, from: ['q.r', 'q.s'], to: ['t.u', 't.v'], condition: 'true', transform: 'round',
  on_quality: ['bad'], delivery: 'queued', ttl_ms: 7, bidirectional: true, priority: -3, lease_ms: 12_345, tests: [{ input: 1, output: 2 }],
};

test.each(examples().map((spec) => [spec.id, spec] as const))('the form shows %s and writes it back with every key', (_id, spec) => {
  expect(parseSpec(specText(spec))).toEqual({ spec });
  expect(oddKeys(spec)).toEqual([]);
  for (const key of KEYS) {
    const field = form[key] as { read: (spec: RouteSpec) => unknown; write: (spec: RouteSpec, value: unknown) => RouteSpec };
    expect(field.write(spec, field.read(spec)), key).toBe(spec);
    const changed = field.write(spec, OTHER[key]);
    expect(field.read(changed), key).toEqual(OTHER[key]);
    const [{ [key]: _a, ...rest }, { [key]: _b, ...before }] = [changed, spec];
    expect(rest, `what is not ${key} stays`).toEqual(before);
    // And back again. A list of one that became a list of two stays a list.
    const back = field.write(changed, field.read(spec));
    expect(field.read(back), key).toEqual(field.read(spec));
  }
});

test('a key that the form does not know, or knows otherwise, stays as it is', () => {
  const spec = { id: 'a', from: 5, to: { x: 1 }, future: [1], ttl_ms: 'soon' } as unknown as RouteSpec;
  expect(oddKeys(spec)).toEqual(['from', 'to', 'ttl_ms']);
  expect(unknownKeys(spec)).toEqual(['future']);
  expect(form.description.write(spec, 'x')).toEqual({ ...spec, description: 'x' });
});

test('a new key comes where the format has it', () => {
  const spec: RouteSpec = { id: 'a', from: 'b', to: 'c', tests: [] };
  expect(Object.keys(withKey(spec, 'condition', 'true'))).toEqual(['id', 'from', 'to', 'condition', 'tests']);
  expect(Object.keys(withKey(spec, 'tests', undefined))).toEqual(['id', 'from', 'to']);
  expect(same({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toBe(true);
});

test.each([
  ['[1]', { wrong: 'object' }],
  ['null', { wrong: 'object' }],
  ['', { wrong: 'json', line: 1, column: 1 }],
  ['{\n  "id": nonsense\n}', { wrong: 'json', line: 2, column: 9 }],
  ['{ "a": 1,\n}', { wrong: 'json', line: 2, column: 1 }],
  ['{ "a": [1, 2}', { wrong: 'json', line: 1, column: 13 }],
  ['{ "a" 1 }', { wrong: 'json', line: 1, column: 7 }],
  ['{ "a": 01 }', { wrong: 'json', line: 1, column: 8 }],
  ['{ "a": "x\ny" }', { wrong: 'json', line: 1, column: 8 }],
  ['{}\n{}', { wrong: 'json', line: 2, column: 1 }],
  ['['.repeat(100_000), { wrong: 'json', line: 1, column: 100_001 }],
] as const)('what is no route is told with its place: %.20j', (text, want) => expect(parseSpec(text)).toEqual(want));

test('a name is made of an address and is free', () => {
  expect(idFor('plc_001.MAIN.fPvPower', [])).toBe('MAIN_fPvPower');
  expect(idFor('mqtt.broker.haus/küche/*', [])).toBe('haus_k_che');
  expect(freeId('a', ['a', 'a_2'])).toBe('a_3');
  expect(freeId('<b>', [])).toBe('b');
  expect(freeId('', [])).toBe('route');
});

const stats = (more: Partial<RouteStats>): RouteStats => ({
  matched: 0, passed: 0, dropped: 0, held: 0, errors: 0,
  dropped_by_condition: 0, dropped_by_quality: 0, dropped_by_priority: 0, dropped_by_loop: 0, ...more,
});
const route = (id: string, more: Partial<RouteItem> = {}): RouteItem => ({ id, from: 'a.b', to: 'c.d', etag: '', stats: stats({ matched: 1 }), ...more });
const rows = (...routes: RouteItem[]) => routes.map((one, nth) => ({ route: one, nth, state: stateOf(one), rate: undefined }));

test('a route works, waits, has a fault, is not in force, or is off', () => {
  expect(stateOf(route('a'))).toBe('working');
  expect(stateOf(route('a', { stats: stats({}) }))).toBe('waiting');
  expect(stateOf(route('a', { stats: stats({ matched: 2, last_outcome: 'failed' }) }))).toBe('fault');
  expect(stateOf({ id: 'a', from: '', to: '', etag: '' })).toBe('stopped');
  expect(stateOf(route('a', { enabled: false }))).toBe('off');
});

test('routes are found by every word, umlauts too, and ordered without losing the order of the file', () => {
  const all = rows(route('r10'), route('r2', { description: 'Wärme im Büro' }), route('r1', { enabled: false }));
  const ids = (search: string, sort: 'file' | 'id' | 'state' = 'file', state: '' | 'off' = '') =>
    shown(all, { search, sort, state }).map((row) => row.route.id);
  expect(ids('')).toEqual(['r10', 'r2', 'r1']);
  expect(ids('WÄRME büro')).toEqual(['r2']);
  expect(ids('wärme küche')).toEqual([]);
  expect(ids('', 'id')).toEqual(['r1', 'r2', 'r10']);
  expect(ids('', 'state')).toEqual(['r10', 'r2', 'r1']);
  expect(ids('', 'file', 'off')).toEqual(['r1']);
});

test('a rate needs two looks at one counter', () => {
  expect(rateOf(stats({ matched: 10 }), stats({ matched: 30 }), 2_000)).toBe(10);
  expect(rateOf(stats({ matched: 10 }), stats({ matched: 3 }), 2_000)).toBeUndefined();
  expect(rateOf(undefined, stats({}), 2_000)).toBeUndefined();
});

test('changes of different keys become one, changes of the same key do not', () => {
  const base: RouteSpec = { id: 'a', from: 'b', to: 'c', condition: 'x' };
  const mine = { ...base, transform: 'round' };
  expect(race(base, mine, { ...base, condition: 'y' })).toEqual({
    differs: ['condition', 'transform'],
    joined: { id: 'a', from: 'b', to: 'c', condition: 'y', transform: 'round' },
  });
  expect(race(base, mine, { ...base, transform: 'int' }).joined).toBeUndefined();
  // Both took away the same: that is no quarrel.
  const { condition: _c, ...without } = base;
  expect(race(base, without as RouteSpec, without as RouteSpec)).toEqual({ differs: [], joined: without });
});

test('what a save does to other routes is named', () => {
  const spec: RouteSpec = { id: 'n', from: 'a', to: ['plc.X', 'log.system', 'q.{tag}'] };
  const others = [
    { id: 'w', from: 'z', to: 'PLC.x' },
    { id: 'r', from: ['plc.X'], to: 'z' },
    { id: 'off', from: 'z', to: 'plc.X', enabled: false },
    { id: 'n', from: 'z', to: 'plc.X' },
  ];
  expect(effects(spec, others, 'n')).toEqual({
    writers: [{ target: 'plc.X', routes: ['w'] }],
    readers: [{ target: 'plc.X', routes: ['r'] }],
  });
});

const words: Language = {
  variables: [{ name: 'value', usage: 'value', help: 'the value' }],
  functions: [{ name: 'max', usage: 'max(x, …)', help: 'the largest' }],
  steps: [{ name: 'map', usage: 'map(0 = "off")', help: 'm' }, { name: 'round', usage: 'round(digits)', help: 'r' }, { name: 'invert', usage: 'invert', help: 'i' }],
  placeholders: [],
  max_bytes: 4096,
};
const names = (text: string, isTransform: boolean) =>
  suggest(words, caretIn(text, text.length, isTransform), (_, word) => word.help).map(({ name }) => name);

test('what can stand at the caret is suggested, and nothing else', () => {
  expect(names('va', false)).toEqual(['value']);
  expect(names('m', true)).toEqual(['map']);
  expect(names('round(1) | in', true)).toEqual(['invert']);
  expect(names('expr(ma', true)).toEqual(['max']);
  expect(names('scale(ma', true)).toEqual([]);
  expect(names('expr(max(value, 1)) | m', true)).toEqual(['map']);
  expect(names('value == "ma', false)).toEqual([]);
  expect(names('a', false)).toEqual(['and', 'value', 'max', 'false']);
  expect(names('value', false)).toEqual([]);
});

test('the address of another datapoint is completed within its quotes', () => {
  const text = "value > dp('plc_001.MA";
  expect(caretIn(text, text.length, false)).toEqual({ kind: 'address', from: 12, typed: 'plc_001.MA' });
  expect(caretIn("map(0 = 'a\\'", 12, true).kind).toBe('none');
});

test('a suggestion takes the place of what was typed and opens its bracket once', () => {
  expect(accept('1 + ma', 6, 4, 'max(')).toEqual({ text: '1 + max(', caret: 8 });
  expect(accept('ma(2)', 2, 0, 'max(')).toEqual({ text: 'max(2)', caret: 3 });
});

test('a mistake is where the daemon says, counted in characters, or where its word stands', () => {
  expect(stretch('"🏠" == vale', { message: '', span: { start: 7, end: 11 } })).toEqual({ start: 8, end: 12 });
  expect(stretch('ab', { message: '', span: { start: 2, end: 2 } })).toEqual({ start: 1, end: 2 });
  expect(stretch("quality == 'god'", { message: 'there is no quality `god`' })).toEqual({ start: 12, end: 15 });
  expect(stretch('x', { message: 'no word of it' })).toBeUndefined();
  expect(nearWord('unknown variable `vale`; did you mean `value`? (at character 1)')).toBe('value');
});

test('an address is completed up to its first star, within the branch of the longest instance', () => {
  expect(literalOf('plc.MAIN.*')).toBe('plc.MAIN.');
  expect(branchOf('mqtt.broker.a/b/c', ['mqtt', 'mqtt.broker'])).toEqual({ instance: 'mqtt.broker', path: 'a/b', filter: 'c' });
  expect(branchOf('plc.MAIN', ['plc'])).toEqual({ instance: 'plc', path: '', filter: 'MAIN' });
  expect(branchOf('plcx.MAIN', ['plc'])).toBeUndefined();
});

test.each([5, 'on', '5', 'true', '', ' x', '"q"', '[x', null, true, [1, { value: 2, at_ms: 3 }], { t: 'json', v: '{}' }])(
  'a field shows %j and reads it back',
  (value) => expect(readField(fieldText(value))).toEqual({ value }),
);

test('what begins like JSON has to be JSON, and what does not is a text', () => {
  expect(readField('{"a"')).toEqual({ wrong: true });
  expect(readField('')).toEqual({ wrong: true });
  expect(readField('night mode')).toEqual({ value: 'night mode' });
});

test('no key of a test case is lost', () => {
  const tests = examples().flatMap((spec) => (spec['tests'] ?? []) as TestCase[]);
  expect(tests.length).toBeGreaterThan(50);
  for (const one of tests) {
    expect(withRest(one, restOf(one))).toEqual(one);
    expect(readField(fieldText(one.input))).toEqual({ value: one.input });
    expect(readField(fieldText(one.output))).toEqual({ value: one.output });
  }
});

test('what came out becomes what is expected, as short as it can be said', () => {
  const at = (value: unknown, more = {}) => ({ at_ms: 0, value, address: 'a', ...more });
  expect(expectation([])).toEqual([]);
  expect(expectation([at(5)])).toBe(5);
  expect(expectation([at(5, { quality: 'bad:stale' })])).toEqual({ quality: 'bad:stale', value: 5 });
  expect(expectation([at(5), at(6, { at_ms: 10 })])).toEqual([{ at_ms: 0, value: 5 }, { at_ms: 10, value: 6 }]);
  expect(expectation([at(5), at(5, { address: 'b' })])).toEqual([{ address: 'a', value: 5 }, { address: 'b', value: 5 }]);
});

test('every word that the router knows has its meaning in German', () => {
  const source = readFileSync(join(root, 'crates/router/src/language.rs'), 'utf8');
  const within = (name: string) => new RegExp(`const ${name}:[^=]*= \\[([\\s\\S]*?)\\n\\];`).exec(source)![1]!;
  const names = (kind: string, list: string) =>
    [...within(list).matchAll(/^    (?:word)?\(\s*"(\w+)"/gm)].map(([, name]) => `${kind}.${name}`);
  const words = [...names('variable', 'VARIABLES'), ...names('function', 'FUNCTIONS'), ...names('step', 'STEP_HELP')];
  expect(words.length).toBe(8 + 22 + 29);
  expect(Object.keys(germanHelp).sort()).toEqual(words.sort());
  expect(Object.values(germanHelp).filter((text) => text.length < 5)).toEqual([]);
});
