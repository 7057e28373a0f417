/** How the playground looks and loads: widths, colours, bytes, and a page that answers while its worker trains. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { SMALL, type Visitor } from '../support/playground.ts';
import { contrasts } from './contrasts.ts';
import { LONG_TASK, ownTasks } from './ownTasks.ts';
import { playgroundForTests } from './setup.ts';

/** What a page may load, compressed. */
const MOST_BYTES = 400_000;
/** Of text and its ground, as WCAG 2.1 has it (success criterion 1.4.3). */
const LEAST_CONTRAST = 4.5;

describe.skipIf(!hasChromium)('the looks of the playground', { timeout: 240_000 }, () => {
  const playground = playgroundForTests(false);

  it('needs no sideways scrolling, however narrow the page is', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, device: 'simd' });
    await visitor.press('step');
    await visitor.page.locator('#filters canvas').first().waitFor();
    await visitor.page.locator('#measure').click();
    await visitor.page.locator('#times tbody tr').first().waitFor();
    for (const summary of await visitor.page.locator('#tape summary').all()) await summary.click();
    for (const width of [1400, 800, 390, 320]) {
      await visitor.page.setViewportSize({ width, height: 800 });
      const beyond = () => visitor.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      await expect.poll(beyond, { message: `at a width of ${width}` }).toBeLessThanOrEqual(0); // charts follow a little later
    }
  });

  it('has text that can be read, light and dark', async () => {
    const visitor = await playground().visit({ isolation: false });
    await visitor.choose({ ...SMALL, device: 'simd', threads: 2 });
    await visitor.press('go');
    await visitor.alert();
    await visitor.choose({ threads: '' });
    await visitor.press('step');
    await visitor.page.locator('#filters canvas').first().waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await visitor.page.emulateMedia({ colorScheme });
      const found = await contrasts(visitor.page);
      expect(found.length).toBeGreaterThan(50);
      for (const { text, contrast } of found) expect(contrast, `${text}, ${colorScheme}`).toBeGreaterThan(LEAST_CONTRAST);
    }
  });

  it('shows numbers that stay where they are', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, device: 'simd', epochs: 2 });
    await visitor.press('step');
    await visitor.phase('paused');
    const before = await places(visitor);
    await visitor.press('go');
    await visitor.phase('finished');
    expect(await visitor.fact('test error')).toContain('%');
    expect(await places(visitor)).toEqual(before);
  });

  it("leaves the page's own thread free while it trains", async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, batchSize: 2, device: 'simd', threads: 1 });
    await visitor.press('go');
    await visitor.step(3);
    const tasks = await ownTasks(visitor.page, () => visitor.page.waitForTimeout(10_000));
    expect(tasks.length).toBeGreaterThan(100);
    expect(Math.max(...tasks)).toBeLessThan(LONG_TASK);
  });

  it('loads less than 400 KB, compressed, on any device: that is all there is to load', async () => {
    const visitor = await playground().visit();
    const site = join(playground().folder, 'site');
    const files = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) => extname(name) !== '');
    const asked: string[] = [];
    visitor.page.context().on('request', (request) => asked.push(request.url()));
    await visitor.page.reload();
    await visitor.choose({ ...SMALL, device: 'simd' });
    await visitor.press('step');
    await visitor.phase('paused');
    const names = asked.filter((url) => url.startsWith('http')).map((url) => new URL(url).pathname.slice(1) || 'index.html');
    expect(names.length).toBeGreaterThanOrEqual(4); // page, style, script, worker
    expect(files).toEqual(expect.arrayContaining(names));
    expect(names.join()).not.toContain('device-'); // gpu.js comes with a device that needs it
    const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(join(site, name))).length, 0);
    expect(bytes).toBeLessThan(MOST_BYTES);
  });
});

/** Of all facts of the run, by their names. */
function places(visitor: Visitor): Promise<(string | number)[][]> {
  return visitor.page.locator('#facts div').evaluateAll((facts) =>
    facts.map((fact) => {
      const { x, y } = fact.getBoundingClientRect();
      return [fact.textContent.replace(/[\d.,–].*/, ''), x, y];
    }),
  );
}
