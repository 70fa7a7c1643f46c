// A value in full, exactly: documents indented without a look at their numbers, bytes as a table.
import type { Value } from '../api/types';
import { isTagged } from './value';

/** Longer documents are shown as they came: indenting them would make them longer still. */
const MOST_INDENTED = 200_000;
/** Bytes of a table; the rest is only counted. */
const MOST_BYTES = 4_096;
const IN_A_ROW = 16;
const DEEPEST = 100;

/** A JSON document with line breaks. Its tokens stay as they are: a number beyond 2^53 keeps each of its digits. */
export function prettyJson(text: string): string {
  if (text.length > MOST_INDENTED) return text;
  let out = '';
  let depth = 0;
  const line = () => `\n${'  '.repeat(Math.min(depth, DEEPEST))}`;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  tokens.forEach((token, index) => {
    const opens = token === '{' || token === '[';
    const closes = token === '}' || token === ']';
    const before = tokens[index - 1];
    if (closes) depth = Math.max(0, depth - 1);
    if (closes && before !== '{' && before !== '[') out += line();
    out += token === ':' ? ': ' : token;
    if (opens) depth += 1;
    const after = tokens[index + 1];
    if ((opens && after !== '}' && after !== ']') || token === ',') out += line();
  });
  return out;
}

/** Bytes as a table: where, in hexadecimal digits, and as letters where they are some. */
export function hexTable(base64: string): string {
  const bytes = atob(base64);
  const rows: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, MOST_BYTES); at += IN_A_ROW) {
    const row = [...bytes.slice(at, Math.min(at + IN_A_ROW, MOST_BYTES))];
    const pairs = row.map((c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join(' ');
    const letters = row.map((c) => (c >= ' ' && c <= '~' ? c : '·')).join('');
    rows.push(`${at.toString(16).padStart(4, '0')}  ${pairs.padEnd(IN_A_ROW * 3 - 1)}  ${letters}`);
  }
  if (bytes.length > MOST_BYTES) rows.push(`… ${bytes.length - MOST_BYTES} more`);
  return rows.join('\n');
}

/** The value as a person reads it who wants all of it. */
export function wholeText(value: Value): string {
  if (typeof value === 'string') return looksLikeJson(value) ? prettyJson(value) : value;
  if (!isTagged(value)) return JSON.stringify(value);
  if (value.t === 'bytes') return hexTable(value.v);
  return value.t === 'json' ? prettyJson(value.v) : value.v;
}

function looksLikeJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
