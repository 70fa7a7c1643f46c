// What no file of the pages may hold: the daemon's content policy forbids it, or a foreign text could become code.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compressFolder } from '../build/precompress';
import { de } from '../src/i18n/de';
import { en } from '../src/i18n/en';

const root = join(import.meta.dirname, '..');
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(svelte|ts|css|svg)$/.test(name))
  .map((name) => join('src', name))
  .concat('index.html');

function holding(pattern: RegExp): string[] {
  return sources.filter((name) => pattern.test(readFileSync(join(root, name), 'utf8')));
}

test('no text of a device is ever markup', () => {
  expect(holding(/\{@html|innerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/)).toEqual([]);
});

test('no style or script is inline', () => {
  expect(holding(/\sstyle=|\son[a-z]+="|<script>/)).toEqual([]);
});

test('nothing is loaded from another host', () => {
  expect(holding(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/)).toEqual([]);
});

test('the lock file names no registry', () => {
  expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
});

/** Every text with its path, functions called with stand-ins. */
function texts(of: unknown, path = ''): [string, string][] {
  if (typeof of === 'string') return [[path, of]];
  if (typeof of === 'function') return [[path, String(of('1', '2'))]];
  return Object.entries(of as object).flatMap(([key, value]) => texts(value, `${path}.${key}`));
}

test('both languages have the same texts, and none is empty', () => {
  expect(texts(de).map(([path]) => path)).toEqual(texts(en).map(([path]) => path));
  expect([...texts(de), ...texts(en)].filter(([, text]) => text.trim() === '')).toEqual([]);
});

test('each compressible file of a build has its compressed twins', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'precompress-'));
  const text = 'datapoint '.repeat(500);
  await writeFile(join(folder, 'a.js'), text);
  await writeFile(join(folder, 'b.png'), text);
  await compressFolder(folder);
  expect(readdirSync(folder).sort()).toEqual(['a.js', 'a.js.br', 'a.js.gz', 'b.png']);
  expect(brotliDecompressSync(await readFile(join(folder, 'a.js.br'))).toString()).toBe(text);
  expect(gunzipSync(await readFile(join(folder, 'a.js.gz'))).toString()).toBe(text);
  await rm(folder, { recursive: true });
});

test('the gallery shows every part', () => {
  const gallery = readFileSync(join(root, 'src/pages/gallery/GalleryPage.svelte'), 'utf8');
  const parts = sources.filter((name) => /^src\/(ui|widgets)\/\w+\.svelte$/.test(name)).map((name) => name.slice('src'.length));
  // The parts of widgets are seen in the widgets, which the gallery shows whole.
  const shown = sources.filter((name) => /^src\/(pages\/gallery|widgets)\/.*\.svelte$/.test(name)).map((name) => readFileSync(join(root, name), 'utf8'));
  const isSeen = (name: string) => shown.some((text) => text.includes(`${name}'`) || (name.startsWith('/widgets/') && text.includes(`${name.slice('/widgets'.length)}'`)));
  // Notices are shown where they always are.
  expect(parts.filter((name) => name !== '/ui/NoticeList.svelte' && !gallery.includes(`${name}'`) && !isSeen(name))).toEqual([]);
  expect(parts.length).toBeGreaterThan(10);
});
