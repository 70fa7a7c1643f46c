// Sentences of daemon and drivers in German: by their form, and hints by the sentence itself.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { advice } from '../src/i18n/de/advice';
import { adviceText, saidText } from '../src/i18n/said';

const root = join(import.meta.dirname, '../..');

test.each([
  ['ready', 'bereit'],
  ['connected to 127.0.0.1:1883', 'verbunden mit 127.0.0.1:1883'],
  ['connected to 192.168.2.162.1.1:801 at 127.0.0.1, 96 symbols', 'verbunden mit 192.168.2.162.1.1:801 unter 127.0.0.1, 96 Symbole'],
  ['listens on mqtt://127.0.0.1:1883, ws://127.0.0.1:1884', 'lauscht auf mqtt://127.0.0.1:1883, ws://127.0.0.1:1884'],
  ['reads jbd (dd) on 127.0.0.1:1, jbd (dd) on 127.0.0.1:2', 'liest jbd (dd) an 127.0.0.1:1, jbd (dd) an 127.0.0.1:2'],
  ['hangs: missed 3 heartbeats, no progress for 17.5 s', 'hängt: 3 Lebenszeichen fehlen, seit 17,5 s kein Fortschritt'],
  ['It says so itself; no route writes it.', 'Er sagt es selbst; keine Route schreibt ihn.'],
  ['128 processes and threads, no children (seccomp)', '128 Prozesse und Threads; keine Kinder, dank seccomp'],
  ['TCP only; 1 UDP sockets are not counted', 'nur TCP; 1 UDP-Anschluss ist nicht gezählt'],
  ['left, right do not answer; the sum is that of the others', 'left, right antworten nicht; die Summe ist die der anderen'],
  ['the 16 cells add up to 53.10 V, and the pack says 52.40 V', 'die 16 Zellen ergeben zusammen 53,10 V, der Pack meldet 52,40 V'],
])('"%s" has its German', (english, german) => {
  expect(saidText(english, 'de')).toBe(german);
  expect(saidText(english, 'en')).toBe(english);
});

test('what nobody knows stays as it came', () => {
  for (const text of ['', 'constructor', 'something else', '<b>ready</b>', 'x'.repeat(100_000), `reads ${' on '.repeat(5_000)}`]) {
    expect(adviceText(text, 'de')).toBe(text);
    expect(typeof saidText(text, 'de')).toBe('string');
  }
});

test('every hint that has a German sentence is still said by somebody', () => {
  const sources = ['drivers', 'crates'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /(^|\/)src\/.*\.rs$/.test(name))
      .map((name) => readFileSync(join(root, folder, name), 'utf8').replace(/\\\n\s*/g, '').replaceAll('\\"', '"')),
  );
  const all = sources.join('\n');
  expect(Object.keys(advice).filter((hint) => !all.includes(hint))).toEqual([]);
  expect(Object.keys(advice).length).toBeGreaterThan(60);
});
