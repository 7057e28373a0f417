/** A person's own pictures as a data set: 32 x 32, the middle square of each, a class for each folder. */
import ndarray from 'ndarray';
import { DataError, type Dataset } from 'tapegrad/data';
import type { PictureFile } from '../protocol.ts';

export const SIDE = 32;
const AREA = SIDE * SIDE;
const IS_PICTURE = /\.(png|jpe?g|webp|gif|bmp|avif)$/i;

export interface ReadPictures {
  readonly dataset: Dataset;
  /** Those that the browser could not read. */
  readonly skipped: number;
}

/** Throws a DataError where there are no two classes, or nothing can be read. */
export async function readPictures(files: readonly PictureFile[], onProgress: (done: number) => void): Promise<ReadPictures> {
  const pictures = files.filter(({ path }) => IS_PICTURE.test(path));
  const classes = [...new Set(pictures.map(({ path }) => classOf(path)))].sort();
  if (classes.length < 2)
    throw new DataError(
      `the folder has ${pictures.length} pictures in ${classes.length} folders; give one that holds a folder of pictures for each class, and at least two of them`,
    );
  const pixels: Float32Array[] = [];
  const labels: number[] = [];
  for (const [k, { path, file }] of pictures.entries()) {
    const read = await decode(file);
    if (read !== undefined) {
      pixels.push(read);
      labels.push(classes.indexOf(classOf(path)));
    }
    if (k % 50 === 0) onProgress(k);
  }
  if (pixels.length < 2)
    throw new DataError(`not one of the ${pictures.length} pictures could be read; give PNG, JPEG or WebP files`);
  const dataset: Dataset = {
    length: pixels.length,
    classes,
    imageShape: [3, SIDE, SIDE],
    image: (index) => ndarray(pixels[index]!, [3, SIDE, SIDE]),
    label: (index) => labels[index]!,
  };
  return { dataset, skipped: pictures.length - pixels.length };
}

/** The folder that a picture lies in; its path begins with the folder that was chosen. */
function classOf(path: string): string {
  const parts = path.split('/');
  if (parts.length < 3)
    throw new DataError(`${path} lies in no class's folder; give a folder that holds a folder of pictures for each class`);
  return parts.at(-2)!;
}

async function decode(file: File): Promise<Float32Array | undefined> {
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  if (bitmap === undefined) return undefined;
  const context = new OffscreenCanvas(SIDE, SIDE).getContext('2d');
  if (context === null) throw new Error('this browser draws on no canvas outside the page; use another one');
  context.imageSmoothingQuality = 'high';
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  context.drawImage(bitmap, left, top, side, side, 0, 0, SIDE, SIDE);
  bitmap.close();
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return Float32Array.from({ length: 3 * AREA }, (_, k) => data[4 * (k % AREA) + Math.floor(k / AREA)]! / 255);
}
