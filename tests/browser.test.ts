/** What pages import holds nothing of Node. */
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { describe, expect, it } from 'vitest';

describe('the modules for pages', () => {
  it('bundle without anything that only Node has', async () => {
    const entry = fileURLToPath(new URL('support/browserEntry.ts', import.meta.url));
    const outside: string[] = [];
    const built = await build({
      configFile: false,
      logLevel: 'silent',
      resolve: { conditions: ['tapegrad-source', 'browser'] },
      plugins: [
        {
          name: 'note-what-is-missing-in-browsers',
          enforce: 'pre',
          resolveId(source, importer) {
            if (source.startsWith('node:')) outside.push(`${importer?.split('/').slice(-3).join('/')} -> ${source}`);
            return null;
          },
        },
      ],
      build: { write: false, minify: true, target: 'es2022', lib: { entry, formats: ['es'], fileName: 'page' } },
    });
    expect(built).toBeDefined();
    // Asked for at run time, where there is Node.
    expect(outside.sort()).toEqual(['core/devices/thread.ts -> node:os', 'core/devices/thread.ts -> node:worker_threads']);
  });
});
