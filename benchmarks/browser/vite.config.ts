/** How the bench's page is built: tapegrad from its sources, the peers from their own package where it is installed. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));
const peers = ['@jax-js/jax', '@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu'];
/** Left as they are: the browser does not find them, and says so in their rows. */
const external = peers.filter((name) => !existsSync(`${here}../peers/node_modules/${name}`));
/** A page has memory that threads share only with these. */
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export default defineConfig({
  root: here,
  base: './',
  logLevel: 'error',
  resolve: { conditions: ['tapegrad-source', 'browser', 'module'] },
  worker: { format: 'es', rolldownOptions: { external } },
  build: { target: 'es2022', outDir: 'dist', emptyOutDir: true, chunkSizeWarningLimit: 5000 },
  preview: { headers },
});
