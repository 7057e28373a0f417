import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { type PictureRule, shorterSideFor } from '../../data/imageFolder/rule.ts';
import { randomFor } from '../../data/index.ts';
import { type Colour, coded, colourAt, drawn, level, noise, read, root, save, whole } from '../support/pictures.ts';

describe('colours', () => {
  const flat = (colour: Colour = [200, 100, 50]): Sharp => drawn(40, 40, () => colour);
  const colourOf = async (file: string): Promise<number[]> => colourAt(await read(file, whole(20)), 10, 10);

  it('are the exact ones of the file, channel by channel', async () => {
    const image = await read(await save(coded(50, 40)), whole(40));
    expect(image.shape).toEqual([3, 40, 50]);
    for (const [y, x] of [
      [0, 0],
      [39, 49],
      [7, 31],
    ] as const) {
      expect(colourAt(image, y, x)).toEqual([x, y, 0]);
      expect(image.get(0, y, x)).toBe(Math.fround(x / 255));
    }
  });
  it('have three channels whatever the file has', async () => {
    expect(await colourOf(await save(flat()))).toEqual([200, 100, 50]);
    expect(await colourOf(await save(flat(), 'webp'))).toEqual([200, 100, 50].map((x) => expect.closeTo(x, -1)));
    const grey = await colourOf(await save(flat([90, 90, 90]).toColourspace('b-w'), 'jpg'));
    expect(grey).toEqual([90, 90, 90]);
    expect(await colourOf(await save(flat().toColourspace('rgb16')))).toEqual([200, 100, 50]);
    expect(await colourOf(await save(flat([90, 90, 90]).toColourspace('grey16')))).toEqual([90, 90, 90]);
  });
  it('come from CMYK by its profile', async () => {
    const file = await save(flat([150, 120, 110]).withIccProfile('cmyk').jpeg({ quality: 100 }), 'jpg');
    expect((await sharp(file).metadata()).space).toBe('cmyk');
    (await colourOf(file)).forEach((value, c) => expect(Math.abs(value - [150, 120, 110][c]!)).toBeLessThan(16));
  });
  it('come from other colour spaces by the embedded profile', async () => {
    const file = await save(flat([200, 100, 50]).withIccProfile('p3'));
    const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
    expect(Math.abs(stored[0]! - 200)).toBeGreaterThan(8);
    (await colourOf(file)).forEach((value, c) => expect(Math.abs(value - [200, 100, 50][c]!)).toBeLessThan(3));
  });
  it('of transparent pixels are those on white', async () => {
    const half = await save(flat().ensureAlpha(0.5));
    expect(await colourOf(half)).toEqual([200, 100, 50].map((x) => expect.closeTo((x + 255) / 2, -0.4)));
    expect(await colourOf(await save(flat().ensureAlpha(0)))).toEqual([255, 255, 255]);
  });
});

describe('EXIF orientation', () => {
  const [red, green, blue, white]: Colour[] = [
    [250, 0, 0],
    [0, 250, 0],
    [0, 0, 250],
    [250, 250, 250],
  ];
  /** The quarters of the upright picture, row by row, of one stored as r g / b w; by EXIF 2.3, where row 0 and column 0 belong. */
  const upright: Readonly<Record<number, string>> = {
    0: 'rgbw',
    1: 'rgbw',
    2: 'grwb',
    3: 'wbgr',
    4: 'bwrg',
    5: 'rbgw',
    6: 'brwg',
    7: 'wgbr',
    8: 'gwrb',
    9: 'rgbw',
  };
  it.each(Object.keys(upright).map(Number))('%d', async (orientation) => {
    const stored = drawn(96, 64, (x, y) => (y < 32 ? (x < 48 ? red! : green!) : x < 48 ? blue! : white!));
    const jpeg = await stored.withMetadata({ orientation: 8 }).jpeg({ chromaSubsampling: '4:4:4' }).toBuffer();
    const tag = Buffer.from([0x12, 0x01, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00]);
    expect(jpeg[jpeg.indexOf(tag) + tag.length]).toBe(8);
    jpeg[jpeg.indexOf(tag) + tag.length] = orientation;
    const file = join(root, `orientation${orientation}.jpg`);
    writeFileSync(file, jpeg);
    const image = await read(file, whole(64));
    const [, height, width] = image.shape as [number, number, number];
    expect([height, width]).toEqual(orientation >= 5 && orientation <= 8 ? [96, 64] : [64, 96]);
    const letter = (y: number, x: number): string => {
      const on = [0, 1, 2].map((c) => level(image, c, Math.floor(y * height), Math.floor(x * width)) > 125);
      return on.every(Boolean) ? 'w' : 'rgb'[on.indexOf(true)]!;
    };
    expect(letter(0.25, 0.25) + letter(0.25, 0.75) + letter(0.75, 0.25) + letter(0.75, 0.75)).toBe(upright[orientation]);
  });
});

/** One axis of bilinear resizing as Pillow does it: a triangle, widened when reducing. */
function resizeRow(values: Float64Array, length: number): Float64Array {
  const scale = values.length / length;
  const radius = Math.max(1, scale);
  return Float64Array.from({ length }, (_, to) => {
    const centre = (to + 0.5) * scale;
    let [sum, total] = [0, 0];
    for (
      let from = Math.max(0, Math.floor(centre - radius));
      from < Math.min(values.length, Math.ceil(centre + radius));
      from++
    ) {
      const weight = Math.max(0, 1 - Math.abs(from + 0.5 - centre) / radius);
      sum += weight * values[from]!;
      total += weight;
    }
    return sum / total;
  });
}

describe('resizing', () => {
  it.each([
    [60, 40, 30],
    [60, 40, 17],
    [37, 61, 24],
    [60, 40, 39],
    [30, 20, 33],
    [20, 31, 64],
  ])('of %d x %d to a shorter side of %d is bilinear', async (width, height, shorterSide) => {
    const picture = noise(width, height, 3);
    const bytes = await picture.clone().raw().toBuffer();
    const image = await read(await save(picture), whole(shorterSide));
    const [h, w] = [height, width].map((side) => Math.floor((side * shorterSide) / Math.min(height, width))) as [number, number];
    expect(image.shape).toEqual([3, h, w]);
    const rows = Array.from({ length: height }, (_, y) =>
      resizeRow(
        Float64Array.from({ length: width }, (_, x) => bytes[3 * (y * width + x)]!),
        w,
      ),
    );
    const [inner, edge] = [[] as number[], [] as number[]];
    for (let x = 0; x < w; x++) {
      const column = resizeRow(
        Float64Array.from(rows, (row) => row[x]!),
        h,
      );
      for (let y = 0; y < h; y++)
        (x % (w - 1) === 0 || y % (h - 1) === 0 ? edge : inner).push(Math.abs(column[y]! - level(image, 0, y, x)));
    }
    // Enlarging rounds once. libvips reduces with whole numbers of 1/64 of a pixel, and repeats edge pixels where Pillow leaves them out.
    const [most, mostAtEdge] = shorterSide > Math.min(width, height) ? [0.501, 0.501] : [4, 16];
    expect(Math.max(...inner)).toBeLessThan(most);
    expect(Math.max(...edge)).toBeLessThan(mostAtEdge);
    expect(inner.reduce((sum, error) => sum + error, 0) / inner.length).toBeLessThan(0.8);
  });
  it('draws lengths evenly from the range, both ends among them', () => {
    const rule: PictureRule = { crop: { kind: 'random', shorterSide: [256, 260], size: 224 } };
    const counts = new Map<number, number>();
    for (let k = 0; k < 5000; k++) {
      const length = shorterSideFor(rule, randomFor(1, k));
      counts.set(length, (counts.get(length) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([256, 257, 258, 259, 260]);
    // 1000 expected, standard deviation 28
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(140);
  });
  it('does not let a narrow picture grow without bound', async () => {
    await expect(read(await save(drawn(2, 3000, () => [1, 2, 3])), whole(384))).rejects.toThrow(
      /it is 2 x 3000, so narrow that a shorter side of 384 would make it 384 x 576000/,
    );
  });
});
