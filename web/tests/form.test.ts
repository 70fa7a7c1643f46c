import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MASK, Rows, Unfit, blank, fits, readJson, readNumber, same, tidy, withKey } from '../src/ui/form/draft';
import { differences, merged, onlyTheirs } from '../src/ui/form/difference';
import { faultsOf, given } from '../src/ui/form/faults';
import { type Field, fieldOf, spoken } from '../src/ui/form/schema';

const SCHEMA = {
  type: 'object',
  title: 'Device',
  required: ['host', 'port'],
  properties: {
    host: { type: 'string', minLength: 1, 'x-title-de': 'Rechner', 'x-help-de': 'Wo er ist.', description: 'Where, for example `nas`.' },
    port: { type: 'integer', minimum: 1, maximum: 65535 },
    poll_ms: { type: 'integer', default: 500, 'x-unit': 'ms', 'x-advanced': true },
    tls: { anyOf: [{ $ref: '#/$defs/Tls' }, { type: 'null' }], title: 'Encryption' },
    password: { type: ['string', 'null'], 'x-secret': true, default: null },
    parity: { $ref: '#/$defs/Parity' },
    topics: { type: 'array', items: { $ref: '#/$defs/Topic' }, maxItems: 2 },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    allow: { anyOf: [{ type: 'boolean' }, { type: 'array', items: { type: 'string' } }] },
    bits: { type: 'array', prefixItems: [{ type: 'integer' }] },
    retain: { type: ['boolean', 'null'], default: null },
    anything: {},
    users: { type: 'array', items: {}, 'x-fill': 'mqtt_logins' },
  },
  $defs: {
    Tls: { type: 'object', properties: { ca_file: { type: 'string' } } },
    Parity: { oneOf: [{ const: 'none', title: 'None' }, { const: 'even', description: 'Even.' }] },
    Topic: { type: 'object', required: ['filter'], properties: { filter: { type: 'string', pattern: '^[a-z]+$' } } },
    Circle: { type: 'object', properties: { again: { $ref: '#/$defs/Circle' } } },
  },
};

function fields(schema: unknown = SCHEMA, language = 'en'): Map<string, Field> {
  const field = fieldOf(schema, language);
  if (field.kind !== 'object') throw new Error(field.kind);
  return new Map(field.fields.map((one) => [one.key, one]));
}

const codes = (value: unknown) =>
  Object.fromEntries([...faultsOf(fieldOf(SCHEMA, 'en'), value, 'config')].map(([path, { code }]) => [path, code]));

test('each shape of a schema has its kind of field', () => {
  const kinds = Object.fromEntries([...fields()].map(([key, { kind }]) => [key, kind]));
  expect(kinds).toEqual({
    host: 'text',
    port: 'number',
    poll_ms: 'number',
    tls: 'object',
    password: 'secret',
    parity: 'choice',
    topics: 'list',
    headers: 'map',
    allow: 'either',
    bits: 'json',
    retain: 'choice',
    anything: 'json',
  });
});

test('title, help, unit, default and example come from the schema, in the language of the person where it has it', () => {
  const [en, de] = [fields(SCHEMA, 'en'), fields(SCHEMA, 'de')];
  expect(en.get('host')).toMatchObject({ title: 'Host', example: 'nas', required: true });
  expect(de.get('host')).toMatchObject({ title: 'Rechner', help: 'Wo er ist.' });
  expect(en.get('poll_ms')).toMatchObject({ title: 'Poll', unit: 'ms', initial: 500, advanced: true });
  expect(en.get('tls')?.title).toBe('Encryption');
  expect(en.get('password')).toMatchObject({ initial: undefined, required: false });
  expect(spoken('max_packet_bytes')).toBe('Max packet');
});

test('a schema that refers to itself, to nothing, or is none ends in JSON', () => {
  const circle = { ...SCHEMA, properties: { a: { $ref: '#/$defs/Circle' }, b: { $ref: '#/$defs/Nothing' }, c: 7 } };
  const found = fields(circle);
  expect(found.get('a')?.kind).toBe('object');
  expect([found.get('b')?.kind, found.get('c')?.kind]).toEqual(['json', 'json']);
  for (const none of [null, undefined, [], 'x', true, { properties: 3 }]) expect(fieldOf(none, 'de').kind).toBe('json');
});

test('what is wrong is told at its path, and nothing else is', () => {
  expect(codes({})).toEqual({ 'config.host': 'required', 'config.port': 'required' });
  const good = { host: 'a', port: 1 };
  expect(codes(good)).toEqual({});
  expect(codes({ ...good, host: '', port: 70000 })).toEqual({ 'config.host': 'required', 'config.port': 'most' });
  expect(codes({ ...good, port: 1.5 })).toEqual({ 'config.port': 'integer' });
  expect(codes({ ...good, port: new Unfit('12x', 'number') })).toEqual({ 'config.port': 'number' });
  expect(codes({ ...good, anything: new Unfit('{', 'json') })).toEqual({ 'config.anything': 'json' });
  const topics = [{ filter: 'a' }, { filter: 'A1' }, {}];
  expect(codes({ ...good, topics })).toEqual({
    'config.topics': 'many',
    'config.topics[1].filter': 'pattern',
    'config.topics[2].filter': 'required',
  });
  expect(codes({ ...good, headers: new Rows([['a', 'x'], ['a', 'y']]) })).toEqual({ 'config.headers': 'twice' });
  expect(codes({ ...good, headers: new Rows([['', 'x']]) })).toEqual({ 'config.headers': 'keyless' });
  expect(codes({ ...good, tls: null, retain: null, allow: ['x'] })).toEqual({});
});

test('a value that the field cannot show is shown as JSON and refuses nothing', () => {
  const all = fields();
  const check = (key: string, value: unknown) => fits(all.get(key)!, value);
  expect(check('port', '502')).toBe(false);
  expect(check('topics', { a: 1 })).toBe(false);
  expect(check('parity', 'odd')).toBe(false);
  expect(check('password', { secret: 'broker' })).toBe(true);
  expect(check('host', { secret: 'host' })).toBe(true);
  expect(codes({ host: 'a', port: '502', topics: 3, unknown: { x: 1 } })).toEqual({});
});

test('a pattern that no browser reads refuses nothing, and a mask keeps to no pattern', () => {
  const schema = { properties: { a: { type: 'string', pattern: '(?<=x' }, b: { type: 'string', pattern: '^x$' } } };
  expect(faultsOf(fieldOf(schema, 'en'), { a: 'y', b: MASK }, '').size).toBe(0);
});

test('numbers are read as people of both languages write them, and what is none is kept as it was typed', () => {
  const check = (text: string, want: unknown) => expect(readNumber(text)).toEqual(want);
  check('1,5', 1.5);
  check(' -2.25 ', -2.25);
  check('1e3', 1000);
  check('', undefined);
  for (const text of ['1.000,5', '0x10', '12x', 'Infinity', '--1', '1e999']) check(text, new Unfit(text, 'number'));
  expect(readJson('{"a":1}')).toEqual({ a: 1 });
  expect(readJson('{')).toEqual(new Unfit('{', 'json'));
});

test('what is sent has no drafts and no empty keys in it, and an unknown key goes through', () => {
  const value = { a: undefined, b: new Rows([['k', 'v']]), c: [{ d: undefined, e: 1 }], __proto__x: { y: 2 }, f: null };
  expect(tidy(value)).toEqual({ b: { k: 'v' }, c: [{ e: 1 }], __proto__x: { y: 2 }, f: null });
  const hostile = tidy({ b: new Rows([['__proto__', 'v']]) }) as { b: object };
  expect(Object.keys(hostile.b)).toEqual(['__proto__']);
  expect(withKey({ a: 1, b: 2 }, 'a', undefined)).toEqual({ b: 2 });
});

test('a new entry of a list is complained about only where something is missing', () => {
  const topics = fields().get('topics') as Extract<Field, { kind: 'list' }>;
  expect(blank(topics.item)).toEqual({});
  const list = fieldOf({ type: 'array', items: { type: 'string' } }, 'en') as Extract<Field, { kind: 'list' }>;
  expect([...faultsOf(list, [blank(list.item)], 'x').values()].map(({ code }) => code)).toEqual(['required']);
});

test('the count of given settings leaves out what holds anyway', () => {
  const all = [...fields().values()];
  expect(given(all, { host: 'a', poll_ms: 500, port: null, tls: undefined })).toBe(1);
});

test('two versions differ key by key, and what only the other changed is theirs', () => {
  const before = { name: 'a', config: { host: 'x', port: 1, list: [1] } };
  const mine = { name: 'mine', config: { host: 'x', port: 2, list: [1, 2] } };
  const theirs = { name: 'a', config: { host: 'y', port: 3, list: [1] }, limits: { memory_mb: 64 } };
  const found = differences(before, mine, theirs);
  const paths = found.map(({ path }) => path.join('.'));
  expect(paths.sort()).toEqual(['config.host', 'config.list', 'config.port', 'limits', 'name']);
  const chosen = found.filter((one) => !onlyTheirs(one));
  expect(chosen.map(({ path }) => path.join('.')).sort()).toEqual(['config.list', 'config.port', 'name']);
  expect(merged(theirs, chosen)).toEqual({
    name: 'mine',
    config: { host: 'y', port: 2, list: [1, 2] },
    limits: { memory_mb: 64 },
  });
  expect(differences(before, { ...before }, structuredClone(before))).toEqual([]);
  expect(same({ a: 1, b: undefined }, { a: 1 })).toBe(true);
});

test('the forms of the drivers have a German title and help for each key that is not folded away', () => {
  const drivers = join(import.meta.dirname, '../../drivers');
  const forms = readdirSync(drivers).map((name) => join(drivers, name, 'form.json'));
  expect(forms.length).toBeGreaterThan(4);
  for (const path of forms) {
    const form = JSON.parse(readFileSync(path, 'utf8')) as Record<string, { title?: string; title_de?: string }>;
    for (const [key, words] of Object.entries(form)) {
      expect(words.title && words.title_de, `${path} ${key}`).toBeTruthy();
    }
  }
});
