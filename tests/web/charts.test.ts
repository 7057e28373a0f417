/** The playground's charts: long runs, many of them, and a closer look. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { SMALL, type Visitor } from '../support/playground.ts';
import { lengthened } from './longRun.ts';
import { LONG_TASK, ownTasks } from './ownTasks.ts';
import { playgroundForTests } from './setup.ts';

/** Of 100 steps each. */
const EPOCHS = 600;

describe.skipIf(!hasChromium)('the charts of the playground', { timeout: 240_000 }, () => {
  const playground = playgroundForTests(false);

  it("leave the page's own thread free with five runs of 60,000 steps", async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, device: 'simd' });
    await visitor.press('step');
    await visitor.phase('paused');
    const archive = join(playground().folder, 'long.tar');
    writeFileSync(archive, lengthened(readFileSync(await visitor.save()), EPOCHS));
    const next = async (): Promise<void> => {
      await visitor.press('stop');
      await visitor.phase('empty');
      await visitor.page.locator('[name="archive"]').setInputFiles(archive);
      await visitor.phase('paused');
    };
    for (let run = 1; run <= 4; run++) await next();
    const tasks = await ownTasks(visitor.page, async () => {
      await next();
      await visitor.press('go');
      await visitor.step(100 * EPOCHS + 20);
    });
    expect(await visitor.page.locator('#runs li').count()).toBe(6);
    expect(Math.max(...tasks)).toBeLessThan(LONG_TASK);
    expect(visitor.problems).toEqual([]);
  });

  it('keep the steps that a person looks at closer, until a double click', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, device: 'simd' });
    await visitor.press('go');
    await visitor.step(60);
    await visitor.press('pause');
    await visitor.phase('paused');
    const whole = await picture(visitor);
    await drag(visitor, 0.2, 0.6);
    const some = await picture(visitor);
    await visitor.page.locator('#loss .u-over').dblclick();
    expect(await picture(visitor)).toBe(whole);
    await drag(visitor, 0.4, 0.6);
    const fewer = await picture(visitor);
    expect(new Set([whole, some, fewer]).size).toBe(3);
    await visitor.press('step');
    await visitor.phase('paused');
    expect(await picture(visitor)).toBe(fewer);
  });
});

/** Of the losses, as soon as they are drawn. */
async function picture({ page }: Visitor): Promise<string> {
  await page.waitForTimeout(400); // the curves are drawn a few times a second
  return page.locator('#loss canvas').evaluate((canvas) => (canvas instanceof HTMLCanvasElement ? canvas.toDataURL() : ''));
}

/** Across the chart of losses, from one share of its width to another. */
async function drag({ page }: Visitor, from: number, to: number): Promise<void> {
  const { x, y, width } = (await page.locator('#loss .u-over').boundingBox())!;
  await page.mouse.move(x + from * width, y + 50);
  await page.mouse.down();
  await page.mouse.move(x + to * width, y + 60, { steps: 3 });
  await page.mouse.up();
}
