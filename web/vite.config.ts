/** The playground: `npm run web` serves it while you work on it, `npm run web:build` writes static files that any host can serve. */
import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig } from 'vite';

/** What makes a page cross-origin isolated: only then do its threads share memory. A host that does not send them gets one thread. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

const LATE_PACKAGES = [
  'gpu.js',
  'ndarray',
  'nanotar',
  '@noble/hashes/sha2.js',
  '@noble/hashes/utils.js',
  'pbf',
  'pure-rand/generator/xoroshiro128plus',
  'pure-rand/distribution/uniformInt',
  'pure-rand/distribution/uniformFloat64',
];

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  resolve: { conditions: ['tapegrad-source', ...defaultClientConditions] },
  server: { headers: ISOLATION },
  preview: { headers: ISOLATION },
  worker: { format: 'es' },
  // What the worker imports is found late, and the page would be loaded anew in the middle of a run.
  optimizeDeps: { include: LATE_PACKAGES },
  build: { target: 'es2022', outDir: 'dist', emptyOutDir: true, chunkSizeWarningLimit: 2000 },
});
