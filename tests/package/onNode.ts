/** The package on each Node, without anything optional. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { requestAdapter } from '../../core/devices/gpu/webgpu-runtime.ts';
import { ROOT, runProcess } from '../cli/run.ts';
import { nodes } from './nodes.ts';
import { ENTRIES, expectLosses, type Installed } from './tarball.ts';

/** Dawn, which `npm ci --prefix optional/webgpu` installs. */
const WEBGPU = join(ROOT, 'optional/webgpu/node_modules/webgpu');
const hasWebGpu = existsSync(WEBGPU) && (await requestAdapter().catch(() => null)) !== null;

export function describeNode(installed: () => Installed): void {
  describe.each(nodes())('Node $version, without anything optional', { timeout: 300_000 }, ({ path: node }) => {
    const run = (...words: string[]): ReturnType<typeof runProcess> => runProcess(words, installed().project, undefined, node);

    /** With the package among those installed, while that is done. */
    const withPackage = async (name: string, from: string, done: () => Promise<void>): Promise<void> => {
      const place = join(installed().project, 'node_modules', name);
      symlinkSync(from, place, 'junction');
      try {
        await done();
      } finally {
        unlinkSync(place);
      }
    };

    it('has nothing native, and no gpu.js of its own', () => {
      const missing = ['webgpu', 'gl', 'gpu.js', 'sharp', 'fast-check'];
      expect(missing.filter((name) => existsSync(join(installed().project, 'node_modules', name)))).toEqual([]);
      expect(existsSync(join(installed().home, 'node_modules'))).toBe(false);
    });
    it('trains two steps on simd, and on two devices of the bundled gpu.js', async () => {
      const { stdout, stderr, code } = await run('run.js', 'reference', 'simd', 'cpu', 'webasm');
      expect([stderr, code]).toEqual(['', 0]);
      const { reference, ...losses } = JSON.parse(stdout);
      for (const device of ['simd', 'cpu', 'webasm']) expectLosses(losses[device], reference);
    });
    it('imports every entry, and nothing else changes by it', async () => {
      const { stdout, stderr } = await run('entries.js', ...ENTRIES);
      expect(stderr).toBe('');
      const { names, ...changed } = JSON.parse(stdout);
      expect(changed).toEqual({ globals: [], listeners: 0, active: [] });
      for (const entry of ENTRIES) expect(names[entry].length, entry).toBeGreaterThan(0);
    });
    it('says of everything optional how to get it', async () => {
      mkdirSync(join(installed().project, 'pictures/train/red'), { recursive: true });
      await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
        .png()
        .toFile(join(installed().project, 'pictures/train/red/1.png'));
      const { stdout, stderr } = await run('failing.js', 'pictures');
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual({
        webgpu: 'useDevice: webgpu in Node needs the package webgpu; run npm install webgpu@0.6.2, or use auto or simd',
        headlessgl: 'useDevice: headlessgl needs the package gl; run npm install gl@8.1.6, or use auto, simd or webgpu',
        arbitraries: expect.stringMatching(/^Cannot find package 'fast-check' imported from/),
        pictures: expect.stringMatching(/^reading pictures needs the package sharp, .*; run npm install sharp/),
      });
    });
    it('finds gl where it is installed, and so does the bundled gpu.js', async () => {
      await withPackage('gl', join(ROOT, 'tests/package/projects/gl'), async () => {
        const { stdout, stderr } = await run('headless.js');
        expect(stderr).toBe('');
        expect(stdout).toMatch(
          /^asked for a context\nuseDevice: headlessgl found no OpenGL: the package gl loaded but makes no context/,
        );
      });
    });
    it.skipIf(!hasWebGpu)('trains two steps on webgpu where it is installed', async () => {
      await withPackage('webgpu', WEBGPU, async () => {
        const { stdout, stderr } = await run('run.js', 'reference', 'webgpu');
        expect(stderr).toBe('');
        const { reference, webgpu } = JSON.parse(stdout);
        expectLosses(webgpu, reference);
      });
    });
    it('has a command line', async () => {
      const program = join(installed().home, 'dist/cli/main.js');
      const training = ['train', '--steps', '2', '--batch-size', '4', '--limit', '8', '--threads', '2', '--json'];
      const trained = await run(program, ...training);
      expect(trained.code).toBe(0);
      expect(JSON.parse(trained.stdout.trim().split('\n').at(-1)!)).toMatchObject({ steps: 2, device: 'simd' });
      expect(await run(program, '--help')).toMatchObject({
        code: 0,
        stderr: '',
        stdout: expect.stringMatching(/^Usage: tapegrad /),
      });
      const { version } = JSON.parse(readFileSync(join(installed().home, 'package.json'), 'utf8'));
      expect(await run(program, '--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
      const wrong = await run(program, 'train', '--stepz', '2');
      expect(wrong).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^error: unknown option '--stepz'\n/) });
      expect(wrong.stderr).not.toMatch(/^ +at /m);
    });
  });
}
