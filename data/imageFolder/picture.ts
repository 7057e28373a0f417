/**
 * From a file to pixels, in the thread. Three channels of sRGB whatever the file holds: greyscale and CMYK are converted (CMYK and other
 * colour spaces by the embedded ICC profile), 16 bits become 8, and what is transparent is laid on white.
 *
 * Resizing is bilinear, its triangle widened by the factor of reduction, so that every pixel counts: Pillow's BILINEAR, which torchvision's
 * Resize uses and with which the published weights were tested (fb.resnet.torch took bicubic). A reduction by four or more begins with a
 * box filter. Unlike torchvision, the EXIF orientation is applied; one that EXIF does not know (0, 9) is taken for upright.
 */
import { open } from 'node:fs/promises';
import ndarray from 'ndarray';
import type { Image } from '../dataset.ts';
import { PictureError } from '../error.ts';
import { randomFor } from '../random.ts';
import { type Cut, cutFor, type PictureRule, shorterSideFor, transformOf } from './rule.ts';
import { firstLine, type Sharp } from './sharp.ts';

/** Which view of which picture, and what its random numbers are drawn from. */
export interface PictureRequest {
  readonly file: string;
  /** Its number in the listing. */
  readonly picture: number;
  readonly view: number;
  readonly seed: number;
  readonly epoch: number;
}

/** Red, green, blue, pixel by pixel, row by row. */
interface Pixels {
  readonly bytes: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Keeps the draws for pictures from meeting those of the loader. */
const PICTURE = 21;
const MOST_BYTES = 2 ** 28;
const MOST_PIXELS = 100_000_000;
/** After resizing: a picture of 1 x 10000 would grow without bound. */
const MOST_RESIZED = 2 ** 24;

/** A reader that remembers the last picture it has decoded, for the next of its ten views. */
export function pictureReader(sharp: Sharp): (request: PictureRequest, rule: PictureRule) => Promise<Image> {
  let last: { readonly key: string; readonly pixels: Pixels } | undefined;
  return async (request, rule) => {
    const random = randomFor(request.seed, PICTURE, request.epoch, request.picture);
    const shorterSide = shorterSideFor(rule, random);
    const key = `${shorterSide} ${request.file}`;
    const pixels = last?.key === key ? last.pixels : await decode(sharp, request.file, shorterSide);
    last = rule.crop.kind === 'ten' ? { key, pixels } : undefined;
    const piece = cut(pixels, cutFor(rule, [pixels.height, pixels.width], request.view, random));
    return transformOf(rule)(piece, random);
  };
}

async function decode(sharp: Sharp, file: string, shorterSide: number): Promise<Pixels> {
  try {
    const input = await readBytes(file);
    const options = { failOn: 'error', limitInputPixels: MOST_PIXELS, sequentialRead: true } as const;
    const { autoOrient } = await sharp(input, options).metadata();
    const { height, width } = resized(autoOrient, shorterSide);
    const { data, info } = await sharp(input, options)
      .autoOrient()
      .flatten({ background: 'white' })
      .resize(width, height, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after its conversion to sRGB`);
    return { bytes: data, height, width };
  } catch (error) {
    throw new PictureError(file, firstLine(error));
  }
}

async function readBytes(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size === 0) throw new Error('it is empty');
    if (size > MOST_BYTES) throw new Error(`it has ${size} bytes, more than ${MOST_BYTES}`);
    const bytes = await handle.readFile();
    if (!isPicture(bytes)) throw new Error('its first bytes are not those of a JPEG, PNG or WebP file');
    return bytes;
  } finally {
    await handle.close();
  }
}

/** By what is in it, whatever its name: no other decoder (SVG, PDF, TIFF) gets to see a file. */
function isPicture(bytes: Buffer): boolean {
  const text = bytes.toString('latin1', 0, 12);
  return text.startsWith('\xff\xd8\xff') || text.startsWith('\x89PNG\r\n\x1a\n') || /^RIFF....WEBP/s.test(text);
}

/** The longer side is rounded down, as torchvision does. */
function resized(
  { height, width }: { readonly height: number; readonly width: number },
  shorterSide: number,
): Omit<Pixels, 'bytes'> {
  const scaled = (side: number): number => Math.floor((shorterSide * side) / Math.min(height, width));
  const size = { height: scaled(height), width: scaled(width) };
  if (size.height * size.width > MOST_RESIZED)
    throw new Error(
      `it is ${width} x ${height}, so narrow that a shorter side of ${shorterSide} would make it ${size.width} x ${size.height}`,
    );
  return size;
}

/** [3, h, w], values from 0 to 1. */
function cut({ bytes, width: rowLength }: Pixels, { top, left, height, width, mirrored }: Cut): Image {
  const plane = height * width;
  const data = new Float32Array(3 * plane);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const row = ((top + y) * rowLength + left) * 3;
    for (let x = 0; x < width; x++) {
      const from = row + 3 * (mirrored ? width - 1 - x : x);
      data[at] = bytes[from]! / 255;
      data[at + plane] = bytes[from + 1]! / 255;
      data[at + 2 * plane] = bytes[from + 2]! / 255;
      at++;
    }
  }
  return ndarray(data, [3, height, width]);
}
