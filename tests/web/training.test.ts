/** Training in the built playground on every device, as a person would do it. */
import { describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { SMALL, type Visitor } from '../support/playground.ts';
import { lossesOf, metricsOf } from './archive.ts';
import { keepDevices, loseDevice } from './loseDevice.ts';
import { nodeLosses } from './nodeLosses.ts';
import { playgroundForTests } from './setup.ts';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Without its GPU the run goes on on another device, from where it was saved last: here from its pause. */
async function loseAndGoOn(visitor: Visitor, sentence: RegExp): Promise<void> {
  const before = Number.parseInt(await visitor.fact('step'), 10);
  await visitor.press('go');
  await loseDevice(visitor.page);
  await visitor.phase('failed');
  expect(await visitor.alert()).toMatch(sentence);
  await visitor.choose({ device: 'simd' });
  await visitor.press('go');
  await visitor.step(before + 30);
  expect(await visitor.fact('device')).toMatch(/^simd/);
  expect(await visitor.page.locator('#runs li').count()).toBe(1);
}

describe.skipIf(!hasChromium)('the playground trains', { timeout: 600_000 }, () => {
  const playground = playgroundForTests();

  it.each([
    { on: 'simd on all threads', device: 'simd', isolation: true, shown: /^simd, [2-9]\d* threads$/ },
    { on: 'simd where the host isolates no page', device: 'simd', isolation: false, shown: /^simd, 1 thread$/ },
    { on: 'webgpu', device: 'webgpu', isolation: true, shown: /^webgpu$/, lost: /the WebGPU device was lost \(destroyed\)/ },
    { on: 'webgl2', device: 'webgl2', isolation: true, shown: /^webgl2$/, lost: /the webgl2 context was lost/, batchSize: 4 },
  ])(
    'on $on: to the losses of simd in Node, pauses, learns at another rate, and outlives the loss of its GPU',
    async ({ device, isolation, shown, lost, batchSize = SMALL.batchSize }) => {
      const settings = { ...SMALL, batchSize }; // less where a step takes seconds
      const visitor = await playground().visit({ isolation });
      if (lost !== undefined) await keepDevices(visitor.page);
      await visitor.choose({ ...settings, device });
      await visitor.press('go');
      await visitor.step(20);
      await visitor.press('pause');
      await visitor.phase('paused');
      expect(await visitor.fact('device')).toMatch(shown);
      const expected = await nodeLosses(settings, 20);
      const losses = lossesOf(await visitor.save()).slice(0, 20);
      // Float32 everywhere: the first loss differs by rounding, the later ones by what training makes of it.
      expect(Math.abs(losses[0]! / expected[0]! - 1)).toBeLessThan(1e-4);
      expect(losses).toHaveLength(20);
      losses.forEach((loss, k) => expect(Math.abs(loss / expected[k]! - 1), `step ${k + 1}`).toBeLessThan(0.02));

      const paused = await visitor.fact('step');
      await visitor.page.waitForTimeout(300);
      expect(await visitor.fact('step')).toBe(paused);
      await visitor.choose({ learningRate: 0.1 });
      await visitor.press('go');
      await visitor.step(Number.parseInt(paused, 10) + 25);
      await visitor.lossBelow(0.95 * mean(losses)); // in the mean of 25 steps, all of them at the new rate
      await visitor.press('pause');
      await visitor.phase('paused');
      expect(metricsOf(await visitor.save())).toContain('"learningRate":0.1,');
      expect(visitor.problems).toEqual([]);
      if (lost !== undefined) await loseAndGoOn(visitor, lost);
    },
  );

  it('lays a second run over the first', async () => {
    const visitor = await playground().visit();
    for (const kind of ['resnet', 'plain']) {
      await visitor.choose({ ...SMALL, device: 'simd', kind, learningRate: 0.1, epochs: 1 });
      await visitor.press('go');
      await visitor.phase('finished');
      await visitor.press('stop');
      await visitor.phase('empty');
    }
    const names = await visitor.page.locator('#runs li').allInnerTexts();
    expect(names).toHaveLength(2);
    expect(names[0]).toContain('resnet8 A, width 4');
    expect(names[1]).toContain('plain8, width 4');
    await visitor.page.waitForTimeout(500); // the curves are drawn a few times a second
    const drawn = await visitor.page.locator('#loss canvas').evaluate((canvas) => {
      if (!(canvas instanceof HTMLCanvasElement)) return [];
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      const colours = new Set<string>();
      for (let p = 0; p < data.length; p += 4) if (data[p + 3] === 255) colours.add(data.slice(p, p + 3).join());
      return [...colours];
    });
    expect(drawn).toEqual(expect.arrayContaining(['47,129,247', '232,113,10']));
    expect(visitor.problems).toEqual([]);
  });

  it('shows what is inside', async () => {
    const visitor = await playground().visit();
    const { page } = visitor;
    await visitor.choose({ ...SMALL, device: 'simd', learningRate: 0.1, epochs: 1 });
    await visitor.press('step');
    await visitor.phase('paused');
    await page.locator('#predictions figure').nth(23).waitFor();
    expect(await page.locator('#responses rect').count()).toBe(7);
    expect(await page.locator('#gradients rect').count()).toBe(7);
    expect(await page.locator('#filters canvas').count()).toBe(4);
    await page.locator('#measure').click();
    await page.locator('#times tbody tr').first().waitFor();
    for (const summary of await page.locator('#tape summary').all()) await summary.click();
    expect(await page.locator('#plan').innerText()).toMatch(/layer1\.0\.conv1 .*conv2d/);
    expect(await page.locator('#tape-text').innerText()).toContain('gatherByLabel(');
    for (const text of ['#plan', '#tape-text']) expect(await page.locator(text).getAttribute('tabindex')).toBe('0'); // not every browser lets the keyboard scroll it otherwise
    expect(Number(await page.locator('#times tbody tr').last().locator('td').last().innerText())).toBeGreaterThan(0);
    expect(await visitor.fact('step')).toMatch(/^2 of/);
    expect(visitor.problems).toEqual([]);
  });

  it('says what it sees in a drawing, made with the pointer or the keyboard', async () => {
    const visitor = await playground().visit();
    const { page } = visitor;
    await visitor.choose({ ...SMALL, device: 'simd' });
    await visitor.press('step');
    await visitor.phase('paused');
    const box = (await page.locator('#pad').boundingBox())!;
    await page.mouse.move(box.x + 20, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + 80, box.y + 80);
    await page.mouse.up();
    await page.locator('#answer li').nth(4).waitFor();
    const drawing = (): Promise<string> =>
      page.locator('#pad').evaluate((canvas) => (canvas instanceof HTMLCanvasElement ? canvas.toDataURL() : ''));
    const [before, answer] = [await drawing(), await page.locator('#answer').innerText()];
    await page.locator('#pad').focus();
    await page.keyboard.down(' ');
    for (let k = 0; k < 12; k++) await page.keyboard.press('ArrowLeft');
    await page.keyboard.up(' ');
    expect(await drawing()).not.toBe(before);
    await page.waitForFunction((text) => document.querySelector<HTMLElement>('#answer')!.innerText !== text, answer);
    expect(visitor.problems).toEqual([]);
  });
});
