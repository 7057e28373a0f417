/** Pictures of the playground in the middle of a run, a plain network laid over a residual one, as a person would see them. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Playground } from '../support/playground.ts';

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

/** Writes desktop-light.png and its like into the directory; gives their names. */
export async function takeScreenshots(playground: Playground, directory: string): Promise<string[]> {
  const visitor = await playground.visit({ viewport: SIZES.desktop });
  const { page } = visitor;
  await visitor.choose({ kind: 'plain', depth: 8, device: 'simd', epochs: 3 });
  await visitor.press('go');
  await visitor.phase('finished');
  await visitor.press('stop');
  await visitor.phase('empty');
  await visitor.choose({ kind: 'resnet', epochs: 6 });
  await visitor.press('go');
  await visitor.step(101); // in the third of six epochs: time for all pictures
  await page.locator('#filters canvas').first().waitFor();
  await drawRing(page);
  const files: string[] = [];
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(300); // the curves are drawn a few times a second
      const file = `${size}-${colorScheme}.png`;
      await page.screenshot({ path: join(directory, file), fullPage: true });
      files.push(file);
    }
  }
  return files;
}

/** One of the built-in shapes, on the pad; waits for what the network says. */
async function drawRing(page: Page): Promise<void> {
  const { x, y, width, height } = (await page.locator('#pad').boundingBox())!;
  for (let k = 0; k <= 24; k++) {
    const angle = (2 * Math.PI * k) / 24;
    await page.mouse.move(x + width * (0.5 + 0.3 * Math.cos(angle)), y + height * (0.5 + 0.3 * Math.sin(angle)));
    if (k === 0) await page.mouse.down();
  }
  await page.mouse.up();
  await page.locator('#answer li').first().waitFor();
}
