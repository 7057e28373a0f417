/**
 * From a file to pixels, in the thread. Three channels of sRGB whatever the file holds: greyscale and CMYK are converted (CMYK and other
 * colour spaces by the embedded ICC profile), 16 bits become 8, and what is transparent is laid on white.
 *
 * Resizing is bilinear, its triangle widened by the factor of reduction, so that every pixel counts: Pillow's BILINEAR, which torchvision's
 * Resize uses and with which the published weights were tested (fb.resnet.torch took bicubic). A reduction by four or more begins with a
 * box filter or in the JPEG decoder. Unlike torchvision, the EXIF orientation is applied; one that EXIF does not know (0, 9) is taken for
 * upright.
 */
import { open } from 'node:fs/promises';
import ndarray from 'ndarray';
import type { Image } from '../dataset.ts';
import { PictureError } from '../error.ts';
import { randomFor } from '../random.ts';
import { axisFor, enlarge } from './enlarge.ts';
import { type Cut, cutFor, type PictureRule, shorterSideFor, transformOf, viewsOf } from './rule.ts';
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

interface Size {
  readonly height: number;
  readonly width: number;
}

type Piece = Omit<Cut, 'mirrored'>;

/** A file whose header has been read. */
interface Opened {
  /** Upright, after resizing. */
  readonly size: Size;
  /** Red, green, blue, pixel by pixel, row by row. */
  decode(piece: Piece): Promise<Uint8Array>;
}

/** Keeps the draws for pictures from meeting those of the loader. */
const PICTURE = 21;
const MOST_BYTES = 2 ** 28;
const MOST_PIXELS = 100_000_000;
/** After resizing: a picture of 1 x 10000 would grow without bound. */
const MOST_RESIZED = 2 ** 24;

/** A reader that keeps the last picture decoded, where the next view may be of the same one. */
export function pictureReader(sharp: Sharp): (request: PictureRequest, rule: PictureRule) => Promise<Image> {
  let last: { readonly key: string; readonly opened: Opened } | undefined;
  const openFor = async (file: string, shorterSide: number, rule: PictureRule): Promise<Opened> => {
    const key = `${shorterSide} ${file}`;
    if (viewsOf(rule) === 1) return openPicture(sharp, file, shorterSide);
    if (last?.key !== key) last = { key, opened: await decodedOnce(await openPicture(sharp, file, shorterSide)) };
    return last.opened;
  };
  return async ({ file, seed, epoch, picture, view }, rule) => {
    const random = randomFor(seed, PICTURE, epoch, picture);
    const shorterSide = shorterSideFor(rule, random);
    let piece: Image;
    try {
      const opened = await openFor(file, shorterSide, rule);
      const cut = cutFor(rule, opened.size, view, random);
      piece = planes(await opened.decode(cut), cut);
    } catch (error) {
      throw new PictureError(file, firstLine(error));
    }
    return transformOf(rule)(piece, random);
  };
}

async function openPicture(sharp: Sharp, file: string, shorterSide: number): Promise<Opened> {
  const bytes = await readBytes(file);
  // not 'warning': libjpeg warns of much that no eye can see
  const options = { failOn: 'error', limitInputPixels: MOST_PIXELS, sequentialRead: true } as const;
  const upright = (await sharp(bytes, options).metadata()).autoOrient;
  const size = resized(upright, shorterSide);
  const pipeline = (): ReturnType<Sharp> => sharp(bytes, options).autoOrient().flatten({ background: 'white' });
  const reduced = (piece: Piece): Promise<Uint8Array> =>
    pixelsOf(
      pipeline().resize(size.width, size.height, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false }).extract(piece),
    );
  const enlarged = async ({ top, left, height, width }: Piece): Promise<Uint8Array> => {
    const rows = axisFor(upright.height, size.height, { start: top, length: height });
    const columns = axisFor(upright.width, size.width, { start: left, length: width });
    const source = { top: rows.start, left: columns.start, height: rows.length, width: columns.length };
    return enlarge(await pixelsOf(pipeline().extract(source)), rows, columns);
  };
  return { size, decode: size.height > upright.height ? enlarged : reduced };
}

async function pixelsOf(pipeline: ReturnType<Sharp>): Promise<Uint8Array> {
  const { data, info } = await pipeline.toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after its conversion to sRGB`);
  return data;
}

/** Pieces of a picture that has been decoded whole. */
async function decodedOnce({ size, decode }: Opened): Promise<Opened> {
  const all = await decode({ top: 0, left: 0, ...size });
  return {
    size,
    decode: async ({ top, left, height, width }) => {
      const bytes = new Uint8Array(3 * height * width);
      for (let y = 0; y < height; y++) {
        const from = 3 * ((top + y) * size.width + left);
        bytes.set(all.subarray(from, from + 3 * width), 3 * y * width);
      }
      return bytes;
    },
  };
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
function resized({ height, width }: Size, shorterSide: number): Size {
  const scaled = (side: number): number => Math.floor((shorterSide * side) / Math.min(height, width));
  const size = { height: scaled(height), width: scaled(width) };
  if (size.height * size.width > MOST_RESIZED)
    throw new Error(
      `it is ${width} x ${height}, so narrow that a shorter side of ${shorterSide} would make it ${size.width} x ${size.height}`,
    );
  return size;
}

/** [3, h, w], values from 0 to 1. */
function planes(bytes: Uint8Array, { height, width, mirrored }: Cut): Image {
  const plane = height * width;
  const data = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < height; y++) {
      const to = channel * plane + y * width;
      let from = 3 * (y * width + (mirrored ? width - 1 : 0)) + channel;
      for (let x = 0; x < width; x++) {
        data[to + x] = bytes[from]! / 255;
        from += mirrored ? -3 : 3;
      }
    }
  }
  return ndarray(data, [3, height, width]);
}
