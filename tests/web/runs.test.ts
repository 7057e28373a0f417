/** Runs that are stopped in the middle, and many of them in the charts. */
import { describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { SMALL } from '../support/playground.ts';
import { playgroundForTests } from './setup.ts';

describe.skipIf(!hasChromium)('runs of the playground', { timeout: 240_000 }, () => {
  const playground = playgroundForTests(false);

  it('are stopped in the middle without a complaint', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, device: 'simd' });
    for (const step of [5, 60]) {
      await visitor.press('go');
      await visitor.step(step);
      await visitor.press('stop');
      await visitor.phase('empty');
    }
    await visitor.page.waitForTimeout(500); // whatever was under way has come back
    expect(await visitor.page.locator('#alert').isHidden()).toBe(true);
    expect(await visitor.page.locator('#phase').innerText()).toMatch(/^Stopped/);
    expect(visitor.problems).toEqual([]);
  });

  it('are taken out of the charts one by one, however many there are', async () => {
    const visitor = await playground().visit();
    const names = visitor.page.locator('#runs li');
    await visitor.choose({ ...SMALL, device: 'simd' });
    for (let seed = 1; seed <= 6; seed++) {
      await visitor.choose({ learningRate: seed / 100 });
      await visitor.press('step');
      await visitor.phase('paused');
      await visitor.press('stop');
      await visitor.phase('empty');
    }
    expect(await names.count()).toBe(6);
    await names.nth(5).locator('button').click();
    const left = await names.allInnerTexts();
    expect(left).toHaveLength(5);
    expect(left.join()).not.toContain('rate 0.06');
  });
});
