/** Pictures of the playground in the middle of a run, a plain network laid over a residual one, as a person would see them. */
import { join } from 'node:path';
import type { Playground } from '../support/playground.ts';

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

/** Writes desktop-light.png and its like into the directory; gives their names. */
export async function takeScreenshots(playground: Playground, directory: string): Promise<string[]> {
  const visitor = await playground.visit({ viewport: SIZES.desktop });
  const { page } = visitor;
  await visitor.choose({ kind: 'plain', depth: 14, device: 'simd', epochs: 3 });
  await visitor.press('go');
  await visitor.phase('finished');
  await visitor.press('stop');
  await visitor.phase('empty');
  await visitor.choose({ kind: 'resnet' });
  await visitor.press('go');
  await visitor.step(110);
  await page.locator('#filters canvas').first().waitFor();
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
