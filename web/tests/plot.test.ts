import { expect, test } from 'vitest';
import { hexTable, prettyJson, wholeText } from '../src/format/whole';
import { curveOf, joined, numberOf, type Past } from '../src/pages/data/samples';
import { drawn, nearest } from '../src/ui/plot';

const past = (receive_ms: number, value: Past['value'], quality: Past['quality'] = 'good', reason = ''): Past => ({
  value,
  quality,
  reason,
  source_ms: receive_ms,
  receive_ms,
});

test('a curve goes in steps and has a gap where nobody knows', () => {
  const samples = curveOf([past(0, 0), past(10, 10), past(20, 10, 'bad', 'stale'), past(30, 5)], 'en-GB', 'not known');
  const curve = drawn(samples, 40, 400, 100);
  expect(curve).toEqual({ line: 'M0 100H100V0H200M300 50H400', gaps: [[200, 300]], low: 0, high: 10 });
  expect(samples[2]?.text).toBe('not known (stale)');
});

test('what has no number has no curve, and one value is a line in the middle', () => {
  expect(drawn(curveOf([past(0, 'x'), past(1, { t: 'bytes', v: '' })], 'en', ''), 9, 100, 100)).toBeUndefined();
  expect(drawn([], 9, 100, 100)).toBeUndefined();
  expect(drawn(curveOf([past(0, true)], 'en', ''), 10, 100, 100)?.line).toBe('M0 50H100');
});

test('the value that held is the one that is read', () => {
  const samples = curveOf([past(0, 1), past(10, 2), past(20, 3)], 'en', '');
  expect([-5, 0, 9, 10, 19, 25].map((at) => nearest(samples, at))).toEqual([0, 0, 0, 1, 1, 2]);
});

test('what came live is joined to what was kept, each once', () => {
  expect(joined([past(1, 1), past(2, 2)], [past(2, 2), past(3, 3)]).map(({ value }) => value)).toEqual([1, 2, 3]);
  expect(joined([], [past(3, 3)]).length).toBe(1);
});

test('numbers of a curve come from what the interface spells', () => {
  const of = [true, 5, { t: 'u64', v: '18446744073709551615' }, { t: 'f64', v: 'NaN' }, { t: 'f64', v: 'inf' }, 'x', null];
  expect(of.map((value) => numberOf(value as Past['value']))).toEqual([1, 5, 18446744073709552000, undefined, undefined, undefined, undefined]);
});

test('a document is indented without touching a digit', () => {
  const text = '{"n":9007199254740993,"t":"a\\"b {}","list":[1,[],{}],"o":{"x":-1.50e+3,"y":null}}';
  const pretty = prettyJson(text);
  expect(pretty).toBe(`{
  "n": 9007199254740993,
  "t": "a\\"b {}",
  "list": [
    1,
    [],
    {}
  ],
  "o": {
    "x": -1.50e+3,
    "y": null
  }
}`);
  expect(JSON.stringify(JSON.parse(pretty))).toBe(JSON.stringify(JSON.parse(text)));
});

test.each([
  [{ t: 'u64', v: '18446744073709551615' }, '18446744073709551615'],
  [{ t: 'json', v: '[]' }, '[]'],
  ['{"a":1}', '{\n  "a": 1\n}'],
  ['{not json', '{not json'],
  ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
  [true, 'true'],
  [null, 'null'],
])('whole value %# is what it is', (value, text) => {
  expect(wholeText(value as never)).toBe(text);
});

test('bytes are a table of hexadecimal digits and letters, and not without end', () => {
  const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
  expect(hexTable(base64('Hi\x00\xff'))).toBe(`0000  48 69 00 ff${' '.repeat(36)}  Hi··`);
  const long = hexTable(base64('x'.repeat(5000)));
  expect(long.split('\n').at(-1)).toBe('… 904 more');
});
