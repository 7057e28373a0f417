/** Files that a person gives the playground and gets from it; the command line reads the same runs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createTar } from 'nanotar';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { compiledCli } from '../cli/compiled.ts';
import { hasChromium } from '../support/chromium.ts';
import { SMALL, type Visitor } from '../support/playground.ts';
import { lossesOf, unpack } from './archive.ts';
import { cifarFile } from './cifarFile.ts';
import { playgroundForTests } from './setup.ts';

async function train(visitor: Visitor, steps: number): Promise<void> {
  await visitor.press('go');
  await visitor.step(steps);
  await visitor.press('pause');
  await visitor.phase('paused');
}

const imagesText = (visitor: Visitor): Promise<string> => visitor.page.locator('#images:not(:empty)').innerText();

const { runCli } = compiledCli();

describe.skipIf(!hasChromium)('files of the playground', { timeout: 240_000 }, () => {
  const playground = playgroundForTests(false);

  it('takes a CIFAR-10 .bin file that is dropped, and trains on it', async () => {
    const visitor = await playground().visit();
    await visitor.drop('data_batch_1.bin', cifarFile(200));
    expect(await imagesText(visitor)).toBe('160 images to train on and 40 to test, 10 classes');
    await visitor.choose({ ...SMALL, device: 'simd' });
    await train(visitor, 5);
    expect(await visitor.fact('images')).toBe('160');
    await visitor.page.locator('#predictions figcaption').first().waitFor();
    const answers = await visitor.page.locator('#predictions figcaption').allInnerTexts();
    expect(answers.join()).toMatch(/airplane|automobile|bird|cat|deer|dog|frog|horse|ship|truck/);
    expect(visitor.problems).toEqual([]);
  });

  it('takes a file that is dropped although its place cannot be read, as of a picture from another page', async () => {
    const visitor = await playground().visit();
    await visitor.page.evaluate(() => {
      const file = (_: unknown, reject: (error: Error) => void): void => reject(new Error('Path does not exist'));
      Reflect.set(DataTransferItem.prototype, 'webkitGetAsEntry', () => ({ isFile: true, isDirectory: false, file }));
    });
    await visitor.drop('data_batch_1.bin', cifarFile(50));
    expect(await imagesText(visitor)).toContain('40 images to train on');
  });

  it('takes the official archive, with its test images', async () => {
    const visitor = await playground().visit();
    await visitor.page.evaluate(() => {
      const told = new MutationObserver(() =>
        Reflect.set(globalThis, 'told', `${Reflect.get(globalThis, 'told')}${place.textContent}`),
      );
      const place = document.querySelector('#phase')!;
      told.observe(place, { childList: true });
    });
    const names = ['data_batch_1', 'data_batch_2', 'test_batch'];
    const tar = createTar(names.map((name) => ({ name: `cifar-10-batches-bin/${name}.bin`, data: cifarFile(50) })));
    await visitor.drop('cifar-10-binary.tar.gz', gzipSync(tar));
    expect(await imagesText(visitor)).toBe('100 images to train on and 50 to test, 10 classes');
    expect(await visitor.page.evaluate(() => Reflect.get(globalThis, 'told'))).toContain('Reading the files: 100 %');
  });

  it('says what is wrong with files that it cannot use', async () => {
    const visitor = await playground().visit();
    const wrong: [name: string, bytes: Uint8Array, sentence: RegExp][] = [
      [
        'cut.bin',
        cifarFile(3).subarray(0, 5000),
        /cut\.bin has 5000 bytes, .* records .*; fetch the binary version of the data again/,
      ],
      ['empty.bin', new Uint8Array(), /empty\.bin has 0 bytes, .*; fetch the binary version of the data again/],
      ['other.bin', cifarFile(2).fill(77), /other\.bin has label 77 in record 0, but labels go from 0 to 9.*; fetch/],
      [
        'cifar.tar.gz',
        new Uint8Array([1, 2, 3]),
        /cifar\.tar\.gz is not a whole \.gz file.*; fetch cifar-10-binary\.tar\.gz again/,
      ],
      ['CIFAR.TAR', new Uint8Array(700).fill(9), /CIFAR\.TAR (is not a \.tar archive|holds no \.bin file)/],
      ['texts.tar.gz', gzipSync(createTar([{ name: 'a/b.txt', data: 'x' }])), /texts\.tar\.gz holds no \.bin file/],
      ['letter.txt', new Uint8Array([65]), /letter\.txt cannot be used; drop one picture/],
      ['run.tar', new Uint8Array(1024), /run\.tar is not the tar of a run/],
      ['half.png', new Uint8Array([137, 80, 78, 71]), /half\.png is no picture that this browser reads; take a PNG/],
    ];
    for (const [name, bytes, sentence] of wrong) {
      await visitor.drop(name, bytes, name.endsWith('.png') ? 'image/png' : '');
      await visitor.page.locator('#alert', { hasText: sentence }).waitFor();
      await visitor.phase('empty');
    }
    expect(visitor.problems).toEqual([]);
  });

  it('says that there is no network yet to ask about a picture', async () => {
    const visitor = await playground().visit();
    const picture = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#c83828' } })
      .jpeg()
      .toBuffer();
    await visitor.drop('photo.jpg', picture, 'image/jpeg');
    await visitor.page.locator('#answer', { hasText: 'Press Go or Step first' }).waitFor({ timeout: 10_000 });
    expect(await visitor.page.locator('#answer').evaluate((place) => place.getBoundingClientRect().bottom < innerHeight)).toBe(
      true,
    );
  });

  it("takes a folder of a person's own pictures", async () => {
    const visitor = await playground().visit();
    const folder = join(playground().folder, 'mine');
    for (const [name, background] of [
      ['red', '#c03020'],
      ['blue', '#2030c0'],
    ] as const) {
      mkdirSync(join(folder, name), { recursive: true });
      for (let k = 0; k < 20; k++) {
        const picture = sharp({ create: { width: 40 + k, height: 50, channels: 3, background } });
        writeFileSync(join(folder, name, `${k}.png`), await picture.png().toBuffer());
      }
    }
    writeFileSync(join(folder, 'red', 'broken.png'), 'no picture');
    await visitor.choose({ dataset: 'imagefolder' });
    await visitor.page.locator('[name="pictures"]').setInputFiles(folder);
    expect(await imagesText(visitor)).toBe('32 images to train on and 8 to test, 2 classes; 1 could not be read');
    await visitor.choose({ ...SMALL, batchSize: 8, device: 'simd', learningRate: 0.05 });
    await visitor.press('go');
    await visitor.phase('finished');
    expect(await visitor.fact('test error')).toBe('0.0 %');
    const picture = await sharp({ create: { width: 90, height: 60, channels: 3, background: '#c83828' } })
      .png()
      .toBuffer();
    await visitor.drop('what.png', picture, 'image/png');
    await visitor.page.locator('#answer li:first-child', { hasText: /^red, (100|9\d)/ }).waitFor();
  });

  it('saves a run, and goes on with it in a new page as if nothing had been', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, device: 'simd', threads: 1 });
    await train(visitor, 8);
    const saved = await visitor.save();
    await train(visitor, 30);
    const undisturbed = lossesOf(await visitor.save());

    await visitor.page.reload();
    await visitor.page.locator('[name="archive"]').setInputFiles(saved);
    await visitor.phase('paused');
    expect(await visitor.page.locator('[name="width"]').inputValue()).toBe('4');
    expect(Number.parseInt(await visitor.fact('step'), 10)).toBe(lossesOf(saved).length);
    const wouldAsk = (): boolean => !dispatchEvent(new Event('beforeunload', { cancelable: true }));
    expect(await visitor.page.evaluate(wouldAsk)).toBe(false); // nothing is lost that the file has not
    await train(visitor, 30);
    const resumed = lossesOf(await visitor.save());
    const common = Math.min(resumed.length, undisturbed.length);
    expect(common).toBeGreaterThanOrEqual(30);
    expect(resumed.slice(0, common)).toEqual(undisturbed.slice(0, common)); // to the last bit
    expect(visitor.problems).toEqual([]);
  });

  it('saves runs that the command line goes on with', async () => {
    const visitor = await playground().visit();
    await visitor.choose({ ...SMALL, device: 'simd', epochs: 1, learningRate: 0.1, shortcut: 'B' });
    await visitor.press('go');
    await visitor.phase('finished');
    const run = unpack(await visitor.save());
    const evaluated = await runCli(['evaluate', '--checkpoint', run, '--json']);
    expect(evaluated.stderr).not.toMatch(/error/i);
    const { top1, count } = JSON.parse(evaluated.stdout.trim().split('\n').at(-1)!);
    expect(count).toBe(500);
    const shown = await visitor.fact('test error');
    expect(Math.abs(100 * (1 - top1) - Number.parseFloat(shown))).toBeLessThan(0.25); // one image: bits differ by kernel form
    const resumed = await runCli(['train', '--resume', run, '--epochs', '2', '--json']);
    expect(resumed.stderr).toContain('going on from');
    expect(JSON.parse(resumed.stdout.trim().split('\n').at(-1)!).steps).toBe(200);

    const back = join(playground().folder, 'back.tar');
    execFileSync('tar', ['cf', back, '-C', join(run, '..'), run.split('/').at(-1)!]);
    await visitor.press('stop');
    await visitor.phase('empty');
    await visitor.drop('back.tar', readFileSync(back));
    await visitor.phase('paused');
    expect(await visitor.fact('step')).toBe('200 of 200');
  });
});
