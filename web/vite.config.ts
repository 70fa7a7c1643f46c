import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { limitFirstLoad } from './build/firstLoad.ts';
import { icons } from './build/icons.ts';
import { precompress } from './build/precompress.ts';
import { WORKER, worker } from './build/worker.ts';

/** Where a daemon listens while the pages are developed with `npm run dev`. */
const DAEMON = 'http://127.0.0.1:8420';

export default defineConfig({
  plugins: [svelte(), icons(), worker(), precompress(), limitFirstLoad()],
  build: {
    // The policy of the daemon allows no inline script or style, and an asset of its own is cached for ever.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: { index: 'index.html', worker: 'src/worker/worker.ts' },
      output: { entryFileNames: ({ name }) => (name === 'worker' ? WORKER : 'assets/[name]-[hash].js') },
    },
  },
  server: {
    proxy: {
      // The daemon compares `Origin` and `Host` with its own address.
      '/api': { target: DAEMON, ws: true, changeOrigin: true, headers: { origin: DAEMON } },
    },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
