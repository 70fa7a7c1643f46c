// Writes NAME.br and NAME.gz beside each file of the build, so that the daemon sends bytes instead of compressing them.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

/** What gets smaller. Pictures and fonts are compressed already. */
const COMPRESSIBLE = /\.(?:html|js|css|svg|json|txt|webmanifest)$/;

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/** Compresses `data` both ways, as small as it goes. */
export async function compressed(data: Buffer): Promise<{ br: Buffer; gz: Buffer }> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
  };
  const [br, gz] = await Promise.all([brotli(data, { params }), zip(data, { level: constants.Z_BEST_COMPRESSION })]);
  return { br, gz };
}

/** Compresses every compressible file below `folder`; returns their paths. */
export async function compressFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && COMPRESSIBLE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  await Promise.all(paths.map(compressFile));
  return paths;
}

async function compressFile(path: string): Promise<void> {
  const { br, gz } = await compressed(await readFile(path));
  await Promise.all([writeFile(`${path}.br`, br), writeFile(`${path}.gz`, gz)]);
}

/** The plugin: runs after the last file of a build is written. */
export function precompress(): Plugin {
  let folder = '';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    async closeBundle() {
      await compressFolder(folder);
    },
  };
}
