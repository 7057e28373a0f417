/** The loader alone: JPEG files to batches of 224 x 224 by the paper's rule, and batches of CIFAR's size with crop and flip. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import {
  compose,
  DataLoader,
  imageFolder,
  normalise,
  type PictureRule,
  randomCrop,
  randomFor,
  randomHorizontalFlip,
  synthetic,
} from 'tapegrad/data';

export interface LoaderRow {
  readonly loader: string;
  readonly batch: number;
  /** Threads that decode; 0 where nothing is to be decoded. */
  readonly workers: number;
  readonly imagesPerSecond: number;
}

const PICTURES = 64;
const WORKERS = [1, 2];
const PICTURE_BATCH = 32;
const CIFAR_BATCH = 128;
const SECONDS = 4;

const RULE: PictureRule = {
  crop: { kind: 'random', shorterSide: [256, 480], size: 224 },
  lighting: [
    [0.052, 0.047, 0.043],
    [0.047, 0.05, 0.048],
    [0.043, 0.048, 0.051],
  ],
  normalise: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
};

export async function loaderRows(report: (row: LoaderRow) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tapegrad-bench-'));
  try {
    await makePictures(join(directory, 'train/all'));
    for (const workers of WORKERS) {
      const folder = imageFolder(directory, { rule: RULE, workers });
      const loader = new DataLoader(folder, { batchSize: PICTURE_BATCH, shuffle: true });
      report({ loader: 'JPEG to 224 x 224', batch: PICTURE_BATCH, workers, imagesPerSecond: await rate(loader) });
      await folder.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  const transform = compose(
    randomCrop({ padding: 4 }),
    randomHorizontalFlip(),
    normalise({ mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] }),
  );
  const loader = new DataLoader(synthetic({ count: 1280 }), { batchSize: CIFAR_BATCH, shuffle: true, transform });
  report({ loader: '32 x 32, crop and flip', batch: CIFAR_BATCH, workers: 0, imagesPerSecond: await rate(loader) });
}

/** Of whole epochs, after one in which threads start and code is compiled. */
async function rate(loader: DataLoader): Promise<number> {
  for await (const _ of loader);
  const started = performance.now();
  let images = 0;
  while (performance.now() - started < 1000 * SECONDS) {
    for await (const { indices } of loader) images += indices.length;
  }
  return (1000 * images) / (performance.now() - started);
}

/** About as large as those of ImageNet and about as detailed: coarse colours under fine noise, 400 x 300 to 500 x 375. */
async function makePictures(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  for (let k = 0; k < PICTURES; k++) {
    const random = randomFor(9, k);
    const height = 300 + random.integer(76);
    const coarse = Uint8Array.from({ length: 3 * 16 * 12 }, () => random.integer(256));
    const width = Math.round((height * 4) / 3);
    const fine = { type: 'gaussian', mean: 128, sigma: 20 } as const;
    const noise = await sharp({ create: { width, height, channels: 3, background: 'grey', noise: fine } })
      .png()
      .toBuffer();
    await sharp(coarse, { raw: { width: 16, height: 12, channels: 3 } })
      .resize(width, height, { fit: 'fill' })
      .composite([{ input: noise, blend: 'soft-light' }])
      .jpeg({ quality: 90 })
      .toFile(join(directory, `${k}.jpg`));
  }
}
