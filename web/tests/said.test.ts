// Sentences of daemon and drivers in German: by their form, and hints by the sentence itself.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { advice } from '../src/i18n/de/advice';
import { refused } from '../src/i18n/de/refused';
import { deeds } from '../src/i18n/de/refused/deeds';
import { foreign } from '../src/i18n/de/refused/foreign';
import { words } from '../src/i18n/de/refused/words';
import { refusedText } from '../src/i18n/refused';
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
  expect(refusedText(english)).toBe(german);
});

test('what nobody knows stays as it came', () => {
  for (const text of ['', 'constructor', 'something else', '<b>ready</b>', 'x'.repeat(100_000), `reads ${' on '.repeat(5_000)}`]) {
    expect(adviceText(text, 'de')).toBe(text);
    expect(typeof saidText(text, 'de')).toBe('string');
  }
});

/** All that daemon and drivers say, with `{}` where a value stands. */
const sources = ['drivers', 'crates']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /(^|\/)src\/.*\.rs$/.test(name))
      .map((name) => readFileSync(join(root, folder, name), 'utf8').replace(/\\\n\s*/g, '').replaceAll('\\"', '"').replaceAll('\\\\', '\\')),
  )
  .join('\n');
const forms = sources.replace(/\{[^{}\n"]{0,60}\}/g, '{}');

test('every hint that has a German sentence is still said by somebody', () => {
  expect(Object.keys(advice).filter((hint) => !sources.includes(hint))).toEqual([]);
  expect(Object.keys(advice).length).toBeGreaterThan(60);
  expect(Object.keys(advice).filter((hint) => refusedText(hint) !== advice[hint])).toEqual([]);
});

test.each([
  ['there is a user `anna` already', 'Den Benutzer „anna“ gibt es schon'],
  ['there is no instance `plc_01`; did you mean `plc_001`?', 'Es gibt keine Instanz „plc_01“; meinten Sie „plc_001“?'],
  ['`Licht` was changed by somebody else since you read it', '`Licht` wurde inzwischen von jemand anderem geändert'],
  ['routing.json:3:4: routes[1].from: a value is missing; nothing was changed', 'routing.json:3:4: routes[1].from: Ein Wert fehlt; nichts wurde geändert'],
  ['this needs the role Admin; yours is Viewer', 'Das verlangt die Rolle Administrator; Ihre ist Betrachter'],
  ['there would be 501 widgets; 500 are the most of a house', 'Es wären 501 Widgets; ein Haus hat höchstens 500'],
  ['`plc.x` refers to the secret `pw` at config.password', '„plc.x“ verweist bei config.password auf das Geheimnis „pw“'],
  ['the archive cannot be used: its files overlap', 'Das Archiv ist nicht zu gebrauchen: seine Dateien überlappen sich'],
  ['`-` is not defined for a text (at character 3)', 'Unpassend für `-`: ein Text (Zeichen 3)'],
  ['test 1 (volts): expected 5.3, got 53.12 (good) at 0 ms', 'Test 1 (volts): Erwartet 5.3, bekommen 53.12 (good) bei 0 ms'],
  ['route `a`: the condition is never true: nothing is above 5 and below 3', 'Route „a“: Die Bedingung trifft nie zu: nichts ist über 5 und unter 3'],
  ['plc_001.MAIN.x cannot be reached: connection refused', 'plc_001.MAIN.x ist nicht erreichbar: Verbindung abgelehnt'],
  ['connection refused', 'Verbindung abgelehnt'],
  ['is the disk full?', 'Ist die Platte voll?'],
])('what the daemon refuses has its German: "%s"', (english, german) => {
  expect(refusedText(english)).toBe(german);
});

test('what nobody knows, or is hostile, stays as it came', () => {
  const texts = [
    '', ': ', 'constructor', 'Admin', 'widgets', 'the end', 'as usual', 'driver room: read', '__proto__', 'toString', 'something else', 'there is no user', '<img src=x onerror=alert(1)>',
    'x'.repeat(100_000), 'there is no user `'.repeat(5_000), '`'.repeat(2_000), ': '.repeat(1_000), '; did you mean `'.repeat(120),
  ];
  for (const text of texts) expect(refusedText(text)).toBe(text);
  expect(refusedText('there is no user `{!}{1}$&`')).toBe('Es gibt keinen Benutzer „{!}{1}$&“');
});

test('a text of any shape is looked at in no time', () => {
  const began = performance.now();
  for (const part of ['a', '`', ' {} ', '; did you mean `x`?', 'the archive cannot be used: ', '; nothing was changed']) {
    refusedText(part.repeat(2_000).slice(0, 2_000));
    refusedText(part.repeat(200_000));
  }
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('every sentence in German is still said by somebody, and no other one stands before it', () => {
  const known = Object.keys(refused);
  const ours = known.filter((form) => !Object.hasOwn(foreign, form));
  const core = (form: string) => form.replace(/^\{\}|\{\}$/g, '');
  expect([...ours, ...Object.keys(words)].filter((form) => !forms.includes(core(form)))).toEqual([]);
  const wrong = known.filter((form) => {
    let nth = 0;
    const values: string[] = [];
    const text = form.replace(/\{\}/g, () => (values.push(`v${++nth}w`), `v${nth}w`));
    let next = 0;
    const german = refused[form]?.replace(/\{(\d?)!?\}/g, (_, at: string) => values[at ? Number(at) - 1 : next++] ?? '?');
    return refusedText(text) !== (form.includes('{}') && text === form ? refused[form] : german);
  });
  expect(wrong).toEqual([]);
});

test('every call that changes something is told in German', () => {
  const table = readFileSync(join(root, 'crates/api/src/table.rs'), 'utf8');
  const calls = [...table.matchAll(/at\(\s*(?:PUT|POST|DELETE),\s*"([^"]+)",\s*\w+,\s*"([^"]+)"/g)];
  const looks = ['/api/router/check', '/api/router/try'];
  const missing = calls.filter(([, path = '', summary = '']) => !looks.includes(path) && !Object.hasOwn(deeds, summary));
  expect(missing.map(([, path]) => path)).toEqual([]);
  expect(calls.length).toBeGreaterThan(50);
});

test('the German of what is refused belongs to nothing that is loaded at once', () => {
  const src = join(root, 'web/src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|svelte)$/.test(name));
  const askers = files.filter((name) => /from '[^']*\/refused('|\/)/.test(readFileSync(join(src, name), 'utf8')));
  expect(askers.sort()).toEqual(['i18n/de/refused.ts', 'i18n/refused.ts']);
});
