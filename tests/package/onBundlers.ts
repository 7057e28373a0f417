/** The package in bundles: a page that Vite builds, and what bundlers leave out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { describe, expect, it } from 'vitest';
import { runProcess } from '../cli/run.ts';
import { type Bundle, hasChromium, ISOLATION, visit, WEBGPU_SWIFTSHADER } from '../support/chromium.ts';
import { bundleOf, writeBundles } from './bundles.ts';
import { ENTRIES, expectLosses, type Installed } from './tarball.ts';

const NOTHING = 'export {};';
/** Less than gpu.js has by itself, minified: it must not be in what a page loads at first. */
const GPU_JS = 400_000;

interface Report {
  readonly error?: string;
  readonly losses?: Readonly<Record<string, readonly number[]>>;
}

/** Minified, as Vite does by default: gpu.js reads kernels as text. */
async function buildPage(project: string): Promise<Bundle> {
  await build({ root: project, configFile: false, logLevel: 'silent', build: { target: 'es2022', outDir: 'built' } });
  const names = readdirSync(join(project, 'built'), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => /\.(js|html)$/.test(name));
  return new Map(files.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(project, 'built', name), 'utf8')]));
}

export function describeBundlers(installed: () => Installed): void {
  describe('a page built by Vite', { timeout: 300_000 }, () => {
    it.skipIf(!hasChromium)('trains two steps on simd and on WebGPU', async () => {
      const files = await buildPage(installed().project);
      const first = [...files.get('index.html')!.matchAll(/"\/(assets\/[^"]+\.js)"/g)].map(
        ([, name]) => files.get(name!)!.length,
      );
      expect(first.reduce((sum, length) => sum + length, 0)).toBeLessThan(GPU_JS);

      const query = 'device=reference&device=simd&device=webgpu';
      const report = await visit<Report>(files, { query, headers: ISOLATION, flags: WEBGPU_SWIFTSHADER });
      expect(report.error).toBeUndefined();
      const { reference, simd, webgpu } = report.losses!;
      expectLosses(simd, reference!);
      expectLosses(webgpu, reference!);
    });
  });

  describe('a bundler', { timeout: 300_000 }, () => {
    it.each([...ENTRIES, 'tapegrad/testing/arbitraries'])('leaves nothing of %s where nothing of it is used', async (entry) => {
      expect(await bundleOf(installed().project, `import * as unused from '${entry}';`)).toBe(NOTHING);
      expect(await bundleOf(installed().project, `import '${entry}';`)).toBe(NOTHING);
    });
    it('may take one name of an entry and leave out the rest', async () => {
      const { project } = installed();
      const printed = await runProcess(['entries.js', ...ENTRIES], project);
      const { names }: { readonly names: Readonly<Record<string, readonly string[]>> } = JSON.parse(printed.stdout);
      const all = Object.entries(names).flatMap(([entry, each]) => each.map((name) => ({ entry, name })));
      // A bundle of each takes a minute and more; where one begins decides in which order modules that import each other run.
      const script = await writeBundles(
        project,
        all.filter((_, k) => k % 16 === 0),
      );
      const { stdout, stderr } = await runProcess([script], project);
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual([]);
    });
  });
}
