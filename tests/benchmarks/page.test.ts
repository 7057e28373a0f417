/** The bench's page bundles. The peers are left out, as where they are not installed. */
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, it } from 'vitest';

it('the page of the bench bundles, with its worker and each framework in files of their own', async () => {
  const built = await build({
    configFile: fileURLToPath(new URL('../../benchmarks/browser/vite.config.ts', import.meta.url)),
    logLevel: 'silent',
    build: { write: false, minify: false },
    worker: { rolldownOptions: { external: [/^@/] } },
  });
  const [result] = Array.isArray(built) ? built : [built];
  if (result === undefined || !('output' in result)) throw new Error('vite built nothing');
  // Vite's hashes are 8 characters of base64url, in which a hyphen is one of 64.
  const names = result.output.map(({ fileName }) => fileName.replace(/-[\w-]{8}(\.\w+)$/, '$1'));
  expect(names).toEqual(expect.arrayContaining(['index.html', 'assets/worker.js', 'assets/tapegrad.js', 'assets/pageJax.js']));
});
