/** The pictures that the README's is one of: `npm run web:screenshots` takes them for people to look at, and into docs/playground. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../cli/run.ts';
import { hasChromium } from '../support/chromium.ts';
import { takeScreenshots } from './screenshots.ts';
import { playgroundForTests } from './setup.ts';

describe.skipIf(!hasChromium)('pictures of the playground', { timeout: 240_000 }, () => {
  const playground = playgroundForTests(false);

  it('show it light and dark, wide and narrow', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tapegrad-screenshots-'));
    const files = await takeScreenshots(playground(), directory);
    expect(files).toEqual(['desktop-light.png', 'desktop-dark.png', 'phone-light.png', 'phone-dark.png']);
    for (const file of files) {
      const { channels } = await sharp(join(directory, file)).stats();
      const brightness = channels.slice(0, 3).reduce((sum, { mean }) => sum + mean / 3, 0);
      if (file.includes('dark')) expect(brightness, file).toBeLessThan(80);
      else expect(brightness, file).toBeGreaterThan(200);
      expect(Math.max(...channels.map(({ stdev }) => stdev)), file).toBeGreaterThan(20);
      await expectAlike(join(ROOT, 'docs/playground', file), join(directory, file));
    }
    const shown = /!\[[^\]]*\]\(docs\/playground\/(.*?)\)/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1];
    expect(files).toContain(shown);
    rmSync(directory, { recursive: true });
  });
});

/** The kept picture is of a page like this one: as wide, and as high but for what other fonts make of it. */
async function expectAlike(kept: string, taken: string): Promise<void> {
  const [old, now] = [await sharp(kept).metadata(), await sharp(taken).metadata()];
  expect(old.width, kept).toBe(now.width);
  expect(Math.abs(old.height / now.height - 1), `${kept}; npm run web:screenshots takes it again`).toBeLessThan(0.05);
}
