import { expect, test } from 'vitest';
import { formatHash, parseHash } from '../src/hash';

test.each([
  ['', '/', {}],
  ['#/', '/', {}],
  ['#/data', '/data', {}],
  ['#data/', '/data', {}],
  ['#/data?search=a%20b&instance=mqtt.x', '/data', { search: 'a b', instance: 'mqtt.x' }],
  ['#/login?once=C', '/login', { once: 'C' }],
  ['#//evil.example/x', '/evil.example/x', {}],
])('%s is a page with its parameters', (hash, path, query) => {
  expect(parseHash(hash)).toEqual({ path, query });
});

test('an address survives the address bar', () => {
  const address = { path: '/data', query: { point: 'mqtt.b.a/b c?&#+ü%', view: 'tree' } };
  expect(parseHash(formatHash(address))).toEqual(address);
});

test('empty parameters are left out', () => {
  expect(formatHash({ path: '/login', query: { once: '', next: '/data' } })).toBe('#/login?next=%2Fdata');
});
