/** What goes wrong in the playground, and what it says then; and how it looks and loads. */
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { SMALL } from '../support/playground.ts';
import { cifarFile } from './cifarFile.ts';
import { playgroundForTests } from './setup.ts';

/** What a page may load before it trains, compressed. */
const MOST_BYTES = 400_000;

/** Runs in the playground's worker, before it opens a device: keeps what it opens within reach. */
async function keepDevices(page: Page): Promise<void> {
  const worker = page.workers()[0] ?? (await page.waitForEvent('worker'));
  await worker.evaluate(() => {
    const kept: unknown[] = [];
    Reflect.set(globalThis, 'kept', kept);
    const { getContext } = OffscreenCanvas.prototype;
    OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...args: Parameters<typeof getContext>) {
      const context = getContext.apply(this, args);
      kept.push(context);
      return context;
    } as typeof getContext;
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, ...args) {
      const device = await requestDevice.apply(this, args);
      kept.push(device);
      return device;
    };
  });
}

async function loseDevice(page: Page): Promise<void> {
  await page.workers()[0]!.evaluate(() => {
    const kept: unknown[] = Reflect.get(globalThis, 'kept');
    for (const each of kept) {
      if (each instanceof GPUDevice) each.destroy();
      if (each instanceof WebGL2RenderingContext) each.getExtension('WEBGL_lose_context')?.loseContext();
    }
  });
}

describe.skipIf(!hasChromium)('the playground with GPUs', { timeout: 240_000 }, () => {
  const playground = playgroundForTests();

  it.each([
    ['webgpu', /the WebGPU device was lost \(destroyed\); .*useDevice\('webgpu'\)|the WebGPU device was lost/],
    ['webgl2', /the webgl2 context was lost/],
  ])('says that %s was lost, and goes on on another device from the last epoch', async (device, sentence) => {
    const visitor = await playground().visit();
    await keepDevices(visitor.page);
    await visitor.drop('data_batch_1.bin', cifarFile(60)); // 48 to train on: three steps an epoch
    await visitor.page.locator('#images:not(:empty)').waitFor();
    await visitor.choose({ ...SMALL, epochs: 100, device });
    await visitor.press('go');
    await visitor.step(4);
    await loseDevice(visitor.page);
    await visitor.phase('failed');
    expect(await visitor.alert()).toMatch(sentence);
    await visitor.choose({ device: 'simd' });
    await visitor.press('go');
    await visitor.phase('training');
    await visitor.page.waitForFunction(() => document.querySelector('[data-fact="device"] dd')?.textContent?.startsWith('simd'));
    expect(await visitor.page.locator('#runs li').count()).toBe(1);
    expect(Number.parseInt(await visitor.fact('step'), 10)).toBeGreaterThanOrEqual(3); // the first epoch is not trained again
  });
});

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
