// Holds the first load to its size: what a browser fetches before the first page stands, compressed as it comes over the wire.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** In bytes. The issue that asked for it counts a kilobyte as a thousand. */
export const MOST_BYTES = 150_000;

/** The part of a bundler's chunk that is needed here. */
export interface Chunk {
  fileName: string;
  isEntry: boolean;
  facadeModuleId: string | null;
  imports: string[];
  viteMetadata?: { importedCss: Set<string> };
}

/** The page that opens first: the first one of the list of pages. */
export function firstPage(list: string): string {
  const page = /import\('([^']+)'\)/.exec(list)?.[1];
  if (!page) throw new Error('the list of pages names no page');
  return page.replace(/^(\.\.\/)+/, '');
}

/** The files of the first load: the entry, the page that opens first, and what both import at once, with their styles. */
export function firstLoad(chunks: Map<string, Chunk>, page: string): string[] {
  const files = new Set(['index.html']);
  const add = (name: string) => {
    const chunk = chunks.get(name);
    if (!chunk || files.has(name)) return;
    files.add(name);
    for (const style of chunk.viteMetadata?.importedCss ?? []) files.add(style);
    chunk.imports.forEach(add);
  };
  const all = [...chunks.values()];
  const home = all.find(({ facadeModuleId }) => facadeModuleId?.endsWith(`/${page}`));
  if (!home) throw new Error(`${page} is in no chunk of its own`);
  for (const { fileName } of [...all.filter(({ isEntry }) => isEntry), home]) add(fileName);
  return [...files];
}

/** Fails the build when the first load is too large. */
export function limitFirstLoad(): Plugin {
  return {
    name: 'limit-first-load',
    apply: 'build',
    writeBundle({ dir }, bundle) {
      const chunks = new Map<string, Chunk>();
      for (const output of Object.values(bundle)) {
        if (output.type === 'chunk') chunks.set(output.fileName, output as unknown as Chunk);
      }
      const page = firstPage(readFileSync(new URL('../src/shell/pages.ts', import.meta.url), 'utf8'));
      const files = firstLoad(chunks, page);
      const sizes = files.map((file) => brotliCompressSync(readFileSync(join(dir ?? 'dist', file))).length);
      const bytes = sizes.reduce((a, b) => a + b, 0);
      const kilobytes = (n: number) => `${(n / 1_000).toFixed(1)} kB`;
      this.info(`first load: ${kilobytes(bytes)} compressed in ${files.length} files, at most ${kilobytes(MOST_BYTES)}`);
      if (bytes <= MOST_BYTES) return;
      const worst = files.map((file, i) => `${kilobytes(sizes[i] ?? 0)} ${file}`).join('\n  ');
      this.error(`the first load is ${kilobytes(bytes)}, at most ${kilobytes(MOST_BYTES)}:\n  ${worst}`);
    },
  };
}
