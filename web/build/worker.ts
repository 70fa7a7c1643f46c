// Tells the service worker which files belong to this build, and gives it the one name under which browsers look for it.
import { createHash } from 'node:crypto';
import type { Plugin } from 'vite';

/** The name in the root of the site: a worker reaches no further than its own folder. */
export const WORKER = 'worker.js';

/** The plugin: after all files are named their names go into the worker. */
export function worker(): Plugin {
  return {
    name: 'worker',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const own = bundle[WORKER];
      if (own?.type !== 'chunk') return this.error(`the build has no ${WORKER}`);
      const files = Object.keys(bundle).filter((name) => name.startsWith('assets/')).sort();
      const page = bundle['index.html'];
      const whole = [...files, page?.type === 'asset' ? String(page.source) : ''].join('\n');
      const build = createHash('sha256').update(whole).digest('hex').slice(0, 16);
      own.code = own.code
        .replaceAll('__FILES__', () => JSON.stringify(files.map((name) => `/${name}`)))
        .replaceAll('__BUILD__', JSON.stringify(build));
      if (/\b(?:import|export)\b/.test(own.code)) this.error(`${WORKER} has to stand alone`);
    },
  };
}
