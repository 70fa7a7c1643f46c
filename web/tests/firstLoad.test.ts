import { expect, test } from 'vitest';
import { type Chunk, firstLoad, firstPage } from '../build/firstLoad';

const chunk = (fileName: string, more: Partial<Chunk> = {}): [string, Chunk] => [
  fileName,
  { fileName, isEntry: false, facadeModuleId: null, imports: [], viteMetadata: { importedCss: new Set([`${fileName}.css`]) }, ...more },
];

test('the first load is the entry, the first page and what they import, each once, and no other page', () => {
  const chunks = new Map([
    chunk('index.js', { isEntry: true, imports: ['shared.js'] }),
    chunk('home.js', { facadeModuleId: '/x/web/src/pages/home/HomePage.svelte', imports: ['shared.js', 'bars.js', 'index.js'] }),
    chunk('shared.js'),
    chunk('bars.js'),
    chunk('data.js', { facadeModuleId: '/x/web/src/pages/data/DataPage.svelte' }),
  ]);
  const js = ['index.js', 'shared.js', 'home.js', 'bars.js'];
  expect(firstLoad(chunks, 'pages/home/HomePage.svelte').sort()).toEqual(['index.html', ...js, ...js.map((name) => `${name}.css`)].sort());
  expect(() => firstLoad(chunks, 'pages/gone/GonePage.svelte')).toThrow(/no chunk/);
});

test('the first page is the first of the list', () => {
  expect(firstPage("{ load: () => import('../pages/a/A.svelte') }, { load: () => import('../pages/b/B.svelte') }")).toBe('pages/a/A.svelte');
  expect(() => firstPage('')).toThrow();
});
