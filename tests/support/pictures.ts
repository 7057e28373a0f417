/** Pictures that tests draw, and reading them by a rule without threads. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll } from 'vitest';
import { pictureReader } from '../../data/imageFolder/picture.ts';
import type { CropRule, PictureRule } from '../../data/imageFolder/rule.ts';
import { type Image, randomFor } from '../../data/index.ts';

/** Gone when the test file has ended. */
export const root = mkdtempSync(join(tmpdir(), 'tapegrad-pictures-'));
afterAll(() => rmSync(root, { recursive: true }));

export type Colour = readonly [number, number, number];

/** A picture whose pixels are computed from their place. */
export function drawn(width: number, height: number, colour: (x: number, y: number) => Colour): Sharp {
  const bytes = Uint8Array.from({ length: 3 * width * height }, (_, k) => {
    const pixel = Math.floor(k / 3);
    return colour(pixel % width, Math.floor(pixel / width))[k % 3]!;
  });
  return sharp(bytes, { raw: { width, height, channels: 3 } });
}

/** Its pixels tell where they are. */
export const coded = (width: number, height: number): Sharp =>
  drawn(width, height, (x, y) => [x % 256, y % 256, 16 * Math.floor(x / 256) + Math.floor(y / 256)]);
export const noise = (width: number, height: number, seed: number): Sharp => {
  const random = randomFor(seed);
  return drawn(width, height, () => [random.integer(256), random.integer(256), random.integer(256)]);
};

let files = 0;
export async function save(picture: Sharp, ending = 'png'): Promise<string> {
  const file = join(root, `${files++}.${ending}`);
  await picture.toFile(file);
  return file;
}

export const reader = pictureReader(sharp);
export const read = (
  file: string,
  crop: CropRule,
  {
    view = 0,
    epoch = 0,
    picture = 0,
    ...rule
  }: { view?: number; epoch?: number; picture?: number } & Omit<PictureRule, 'crop'> = {},
) => reader({ file, picture, view, seed: 5, epoch }, { crop, ...rule });

/** 0 to 255 again. */
export const level = (image: Image, c: number, y: number, x: number): number => image.get(c, y, x) * 255;
export const colourAt = (image: Image, y: number, x: number): number[] => [0, 1, 2].map((c) => Math.round(level(image, c, y, x)));
/** Where a piece of a `coded` picture begins: x, y. */
export const placeOf = (image: Image, x = 0): number[] => {
  const [red, green, blue] = colourAt(image, 0, x);
  return [red! + 256 * Math.floor(blue! / 16), green! + 256 * (blue! % 16)];
};
export const whole = (shorterSide: number, multiple = 1, flip = false): CropRule => ({
  kind: 'whole',
  shorterSide,
  multiple,
  flip,
});
