/** What goes wrong in the playground, and what it says then; and that it needs no mouse. */
import { describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { SMALL } from '../support/playground.ts';
import { playgroundForTests } from './setup.ts';

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
    expect(await visitor.page.locator('#phase').innerText()).toContain('Stop gives the run up, for other settings');
    await visitor.press('stop');
    await visitor.phase('empty');
  });

  it('says what a browser lacks that shares no memory, or has no WebAssembly', async () => {
    const visitor = await playground().visit();
    const { page } = visitor;
    await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedArrayBuffer'));
    await page.reload();
    const worker = page.workers()[0] ?? (await page.waitForEvent('worker'));
    await worker.evaluate(() => Reflect.deleteProperty(globalThis, 'SharedArrayBuffer'));
    expect(await page.locator('#notice').innerText()).toContain('This browser gives pages no memory that threads share');
    await visitor.choose({ ...SMALL, device: 'simd', threads: 2 });
    await visitor.press('go');
    expect(await visitor.alert()).toContain('which this browser gives to no page; leave the number of threads out');
    await visitor.choose({ threads: '' });
    await visitor.press('step');
    await visitor.phase('paused');
    expect(await visitor.fact('device')).toBe('simd, 1 thread');
    await visitor.press('stop');
    await visitor.phase('empty');
    await worker.evaluate(() => Reflect.deleteProperty(globalThis, 'WebAssembly'));
    await visitor.press('step');
    expect(await visitor.alert()).toContain('simd needs WebAssembly with SIMD, which is missing here or switched off');
  });

  it('says that the page did not start: its script did not arrive, or a browser does not run it', async () => {
    const visitor = await playground().visit();
    const { page } = visitor;
    await page.route(/index-.*\.js$/, (route) => route.abort());
    await page.reload();
    expect(await visitor.alert()).toBe(
      'The page did not start (one of its files did not arrive); reload it, or use a newer browser.',
    );
    await page.unrouteAll();
    await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'ResizeObserver'));
    await page.reload();
    expect(await visitor.alert()).toMatch(/^The page did not start \(.*ResizeObserver is not defined\); reload it/);
  });

  it('goes on where no gradient reaches the layers any more', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, device: 'simd', learningRate: 10, epochs: 1 });
    await visitor.press('go');
    await visitor.phase('finished');
    await visitor.page.locator('#gradients', { hasText: 'highest bar 0.00' }).waitFor();
    expect(visitor.problems).toEqual([]);
  });

  it('says that the training thread did not start', async () => {
    const visitor = await playground().visit();
    await visitor.page.route(/main-.*\.js$/, (route) => route.abort());
    await visitor.page.reload();
    expect(await visitor.alert()).toBe('the training thread did not start; reload the page');
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
    await visitor.choose({ depth: 8, device: 'simd' });
    await visitor.press('step');
    await visitor.phase('paused');
    await visitor.choose({ learningRate: '' });
    expect(await visitor.alert()).toMatch(/^Learning rate: /);
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
    await page.locator('[name="step"]').focus();
    for (const more of [1, 2]) {
      const taken = Number.parseInt(await visitor.fact('step'), 10);
      await page.keyboard.press('Enter'); // Step has the focus again when it works again
      await visitor.step(taken + 1);
      await visitor.phase('paused');
      expect(Number.parseInt(await visitor.fact('step'), 10), `Step, time ${more}`).toBe(taken + 1);
    }
    expect(visitor.problems).toEqual([]);
  });
});
