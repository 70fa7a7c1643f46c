import { expect, test } from 'vitest';
import type { Value } from '../src/api/types';
import { countText, numberText, percentText, rateText, sizeText } from '../src/format/number';
import { spanText } from '../src/format/time';
import { hex, kindOf, rawText, valueText } from '../src/format/value';

test.each([
  [0, '0'],
  [-0, '0'],
  [4213, '4213'],
  [-12345, '-12.345'],
  [230.39999389648438, '230,4'],
  [0.1 + 0.2, '0,3'],
  [49.98, '49,98'],
  [1234567.891, '1.234.568'],
  [0.00001, '1E-5'],
  [1e21, '1E21'],
  [Number.NaN, 'NaN'],
  [Number.NEGATIVE_INFINITY, '−∞'],
])('the number %d reads as %s', (n, text) => {
  expect(numberText(n, 'de-DE')).toBe(text);
});

test('counts and rates stay short', () => {
  expect(countText(30_570, 'en-GB')).toBe('30,570');
  expect(countText(1_834_220, 'en-GB')).toBe('1.8 M');
  expect(rateText(12.44, 'en-GB')).toBe('12.4');
  expect(rateText(1_834.6, 'en-GB')).toBe('1,835');
});

test('parts and sizes keep one digit while they are small', () => {
  expect(percentText(9.94, 'en-GB')).toBe('9.9%');
  expect(percentText(99.6, 'en-GB')).toBe('100%');
  expect(sizeText(9.46, 'de-DE')).toBe('9,5 MB');
  expect(sizeText(128, 'de-DE')).toBe('128 MB');
  expect(sizeText(1536, 'en-GB')).toBe('1.5 GB');
});

test.each([
  [-5, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3_600_000, '1 h'],
  [86_400_000 * 3, '3 d'],
])('%d ms are %s', (ms, text) => {
  expect(spanText(ms, { s: 's', min: 'min', h: 'h', d: 'd' })).toBe(text);
});

test.each<[Value, string, string]>([
  [null, 'null', '–'],
  [true, 'bool', 'true'],
  ['Solar/Grid', 'text', 'Solar/Grid'],
  [{ t: 'u64', v: '18446744073709551615' }, 'int', '18,446,744,073,709,551,615'],
  [{ t: 'f64', v: 'NaN:7ff8000000000001' }, 'float', 'NaN'],
  [{ t: 'f64', v: '-inf' }, 'float', '−∞'],
  [{ t: 'bytes', v: '3QM=' }, 'bytes', 'dd 03'],
  [{ t: 'json', v: '{"a":\n 1}' }, 'json', '{"a": 1}'],
])('%j is of kind %s and reads as %s', (value, kind, text) => {
  expect(kindOf(value)).toBe(kind);
  expect(valueText(value, 'en-GB')).toBe(text);
});

test('a long payload is cut in a row and whole in the details', () => {
  const long = 'x'.repeat(5_000);
  expect(valueText(long, 'en-GB')).toHaveLength(161);
  expect(rawText(long)).toHaveLength(5_002);
  expect(hex(btoa('0123456789abcdef'), 2)).toBe('30 31 …');
});

test('a JSON document is shown as itself, also a broken one', () => {
  expect(rawText({ t: 'json', v: '{"a":1}' })).toBe('{\n  "a": 1\n}');
  expect(rawText({ t: 'json', v: '{' })).toBe('{');
});
