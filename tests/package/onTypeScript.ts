/** The package in strict TypeScript, which checks its declarations too, and with everything optional that npm installs by itself. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { runProcess, TSC } from '../cli/run.ts';
import type { Installed } from './tarball.ts';

const MODES = [
  { resolution: 'bundler', config: 'tsconfig.json' },
  { resolution: 'node16', config: 'tsconfig.node16.json' },
];

export function describeTypeScript(installed: () => Installed): void {
  describe('strict TypeScript', { timeout: 300_000 }, () => {
    it.each(MODES)('compiles with moduleResolution $resolution and trains two steps', async ({ resolution, config }) => {
      const compiled = await runProcess([TSC, '-p', config], installed().project);
      expect(compiled).toEqual({ code: 0, stdout: '', stderr: '' });
      const { stdout, stderr } = await runProcess([join(resolution, 'main.js')], installed().project);
      expect(stderr).toBe('');
      const { losses, shape, entries } = JSON.parse(stdout);
      expect([losses.length, losses.every(Number.isFinite), shape]).toEqual([2, true, [3]]);
      expect(entries.every((names: number) => names > 0)).toBe(true);
    });
    it('has a binary, which reads a folder of pictures in threads of its own', async () => {
      const { project } = installed();
      for (const [split, count] of [['train', 4] as const, ['val', 2] as const]) await writePictures(join(project, split), count);
      const words = ['train', '--dataset', 'imagefolder', '--data', '.', '--model', 'resnet18', '--size', '32'];
      const running = ['--steps', '2', '--batch-size', '2', '--workers', '2', '--device', 'simd', '--json'];
      const printed = execFileSync('npx', ['--no-install', 'tapegrad', ...words, ...running], {
        cwd: project,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        shell: process.platform === 'win32',
      });
      expect(JSON.parse(printed.trim().split('\n').at(-1)!)).toMatchObject({ steps: 2, model: 'resnet18' });
    });
  });
}

/** A class red and a class green, so many pictures each. */
async function writePictures(directory: string, count: number): Promise<void> {
  for (const background of ['red', 'green']) {
    mkdirSync(join(directory, background), { recursive: true });
    for (let k = 0; k < count; k++) {
      const picture = sharp({ create: { width: 40 + k, height: 40, channels: 3, background } });
      await picture.png().toFile(join(directory, background, `${k}.png`));
    }
  }
}
