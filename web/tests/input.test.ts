import { expect, test } from 'vitest';
import type { Value } from '../src/api/types';
import { type InputKind, inputKind, inputText, type Misfit, readInput } from '../src/format/input';

test.each<[InputKind, string, Value]>([
  ['bool', 'true', true],
  ['bool', 'false', false],
  ['int', ' -42 ', -42],
  ['int', '+7', 7],
  ['int', '0xff', 255],
  ['int', '9223372036854775807', { t: 'i64', v: '9223372036854775807' }],
  ['int', '-9007199254740993', { t: 'i64', v: '-9007199254740993' }],
  ['int', '18446744073709551615', { t: 'u64', v: '18446744073709551615' }],
  ['float', '22,5', 22.5],
  ['float', '1.5e3', 1500],
  ['float', '.5', 0.5],
  ['float', 'NaN', { t: 'f64', v: 'NaN' }],
  ['float', '-inf', { t: 'f64', v: '-inf' }],
  ['text', ' as typed ', ' as typed '],
  ['text', '', ''],
  ['json', '{"a": 1.50}', { t: 'json', v: '{"a": 1.50}' }],
  ['bytes', 'DD 03', { t: 'bytes', v: '3QM=' }],
])('as %s, "%s" is %j', (kind, text, value) => {
  expect(readInput(text, kind)).toEqual({ value });
});

test.each<[InputKind, string, Misfit]>([
  ['int', '', 'empty'],
  ['int', '5.5', 'int'],
  ['int', '18446744073709551616', 'range'],
  ['float', '1.000,5', 'float'],
  ['float', '1e999', 'float'],
  ['json', '{', 'json'],
  ['bytes', 'abc', 'bytes'],
])('as %s, "%s" is refused: %s', (kind, text, misfit) => {
  expect(readInput(text, kind)).toEqual({ misfit });
});

test.each<[string, Value, InputKind]>([
  ['BOOL', null, 'bool'],
  ['UDINT', null, 'int'],
  ['TIME', null, 'int'],
  ['LREAL', 5, 'float'],
  ['WSTRING', null, 'text'],
  ['JSON', null, 'json'],
  ['', 21, 'float'],
  ['', true, 'bool'],
  ['', null, 'text'],
  ['', { t: 'bytes', v: '' }, 'bytes'],
])('type "%s" with the value %j is typed as %s', (type, value, kind) => {
  expect(inputKind(type, value)).toBe(kind);
});

test.each<[InputKind, Value]>([
  ['bool', true],
  ['int', -3],
  ['int', { t: 'u64', v: '18446744073709551615' }],
  ['float', 2.5],
  ['float', { t: 'f64', v: 'inf' }],
  ['text', 'x'],
  ['bytes', { t: 'bytes', v: '3QM=' }],
  ['json', { t: 'json', v: '[1]' }],
])('as %s, %j survives its own field', (kind, value) => {
  expect(readInput(inputText(value), kind)).toEqual({ value });
});
