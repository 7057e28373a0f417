/** What goes wrong in the playground, and what it says then; and how it looks and loads. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { SMALL } from '../support/playground.ts';
import { playgroundForTests } from './setup.ts';

/** What a page may load before it trains, compressed. */
const MOST_BYTES = 400_000;

describe.skipIf(!hasChromium)('the playground without a GPU', { timeout: 240_000 }, () => {
  const playground = playgroundForTests(false);

  it('says that there is no WebGPU, and what would work', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, device: 'webgpu' });
    await visitor.press('go');
    expect(await visitor.alert()).toMatch(/useDevice: webgpu found no adapter.*use auto/);
    await visitor.phase('empty');
    await visitor.choose({ device: 'auto' });
    await visitor.press('step');
    await visitor.phase('paused');
    expect(await visitor.fact('device')).toMatch(/^simd/);
  });

  it('says what a page lacks that is not isolated, and refuses threads there', async () => {
    const visitor = await playground().visit({ isolation: false });
    expect(await visitor.page.locator('#notice').innerText()).toContain('Cross-Origin-Opener-Policy: same-origin');
    await visitor.choose({ ...SMALL, device: 'simd', threads: 2 });
    await visitor.press('go');
    expect(await visitor.alert()).toContain('cross-origin isolated');
  });

  it('refuses a run that does not fit into memory, before it begins', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ depth: 110, width: 64, batchSize: 512, device: 'simd' });
    await visitor.press('step');
    await visitor.phase('failed');
    expect(await visitor.alert()).toMatch(/this plan needs [\d.]+ GiB.*use a smaller batch/);
    await visitor.press('stop');
    await visitor.phase('empty');
  });

  it('asks for CIFAR-10 before it trains on it, and for numbers that make sense', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ dataset: 'cifar10' });
    await visitor.press('go');
    expect(await visitor.alert()).toContain('CIFAR-10 is needed and was not given yet');
    await visitor.choose({ dataset: 'synthetic', depth: 9 });
    await visitor.press('go');
    expect(await visitor.page.locator('[name="depth"]:invalid').count()).toBe(1);
    expect(await visitor.page.evaluate(() => document.body.dataset.phase)).toBe('empty');
  });

  it('works with the keyboard alone', async () => {
    const visitor = await playground().visit();
    const { page } = visitor;
    await page.locator('[name="epochs"]').focus();
    await page.keyboard.press('ArrowUp');
    expect(await page.locator('[name="epochs"]').inputValue()).toBe('11');
    await page.keyboard.press('Enter');
    await visitor.step(3);
    for (let k = 0; k < 10 && (await page.evaluate(() => document.activeElement?.getAttribute('name'))) !== 'pause'; k++)
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await visitor.phase('paused');
    expect(visitor.problems).toEqual([]);
  });

  it.each([320, 390, 800, 1400])('needs no sideways scrolling at a width of %i', async (width) => {
    const visitor = await playground().visit({ viewport: { width, height: 800 } });
    await visitor.choose({ ...SMALL, device: 'simd' });
    await visitor.press('step');
    await visitor.page.locator('#filters canvas').first().waitFor();
    await visitor.page.locator('#measure').click();
    await visitor.page.locator('#times tbody tr').first().waitFor();
    for (const summary of await visitor.page.locator('#tape summary').all()) await summary.click();
    expect(await visitor.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  });

  it('loads less than 400 KB, compressed, before it trains', async () => {
    const visitor = await playground().visit();
    const loaded = new Map<string, Promise<Buffer>>();
    visitor.page.context().on('response', (response) => {
      if (response.ok() && !response.url().startsWith('blob:')) loaded.set(response.url(), response.body());
    });
    await visitor.page.reload();
    await visitor.choose({ ...SMALL, device: 'simd' });
    await visitor.press('step');
    await visitor.phase('paused');
    const bodies = await Promise.all(loaded.values());
    const bytes = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0);
    expect(loaded.size).toBeGreaterThanOrEqual(4); // page, style, script, worker
    expect(bytes).toBeLessThan(MOST_BYTES);
  });
});
