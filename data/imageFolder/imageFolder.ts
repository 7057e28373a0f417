/** Folders of pictures as a data set. They are decoded in threads, one picture when it is asked for; this folder owns all of that. */
import { availableParallelism } from 'node:os';
import type { Dataset, Image } from '../dataset.ts';
import { type Listing, listPictures } from './listing.ts';
import { checkRule, cropSide, type PictureRule, viewsOf } from './rule.ts';
import { PictureThreads } from './threads.ts';

/** Options of `imageFolder`. */
export interface ImageFolderOptions {
  /** `train`, the default, reads train/; `test` reads val/, or test/ where there is no val/. */
  readonly split?: 'train' | 'test';
  /** What is done to each picture; by default its shorter side becomes 256 pixels, and the central 224 x 224 are cut out. */
  readonly rule?: PictureRule;
  /** Threads that read pictures; half of the cores by default. */
  readonly workers?: number;
  /** Of random crops, flips and colours; 0 by default. */
  readonly seed?: number;
  /** At most so many pictures, spread over the classes. */
  readonly limit?: number;
}

/** A data set of pictures that threads read when they are asked for; `close` ends the threads. */
export interface ImageFolder extends Dataset {
  /** Paths of the pictures, in the order of the images. */
  readonly files: readonly string[];
  /** Consecutive images that show one picture: 10 with the crop `ten`, else 1. */
  readonly viewsPerImage: number;
  /** What is done to each picture. */
  readonly rule: PictureRule;
  /** The same pictures by another rule, read by the same threads: closing either closes both. */
  withRule(rule: PictureRule): ImageFolder;
  image(index: number, epoch?: number): Promise<Image>;
  close(): Promise<void>;
}

const CENTRE: PictureRule = { crop: { kind: 'centre', shorterSide: 256, size: 224 } };

/**
 * The pictures in `directory/{train,val}/<class>/`. Image `index` is view index % viewsPerImage of picture floor(index / viewsPerImage);
 * what is random about it is drawn from (seed, epoch, picture), whatever the number of threads. Throws a DataError about a directory
 * that will not do.
 */
export function imageFolder(
  directory: string,
  { split = 'train', rule = CENTRE, workers, seed = 0, limit }: ImageFolderOptions = {},
): ImageFolder {
  const count = workers ?? Math.max(1, Math.floor(availableParallelism() / 2));
  for (const [name, value] of Object.entries({ workers: count, limit: limit ?? 1 })) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`imageFolder: ${name} ${value} given; it needs to be a whole number of at least 1`);
  }
  const all = listPictures(directory, split);
  return folderOf(limit === undefined ? all : spread(all, limit), rule, seed, new PictureThreads(count));
}

function folderOf({ classes, files, labels }: Listing, rule: PictureRule, seed: number, threads: PictureThreads): ImageFolder {
  checkRule(rule);
  const [views, side] = [viewsOf(rule), cropSide(rule)];
  const pictureOf = (index: number): number => Math.floor(index / views);
  return {
    length: files.length * views,
    classes,
    files,
    rule,
    viewsPerImage: views,
    imageShape: [3, side, side],
    image: (index, epoch = 0) => {
      const picture = pictureOf(index);
      return threads.read({ file: files[picture]!, picture, view: index % views, seed, epoch }, rule);
    },
    label: (index) => labels[pictureOf(index)]!,
    withRule: (other) => folderOf({ classes, files, labels }, other, seed, threads),
    close: () => threads.close(),
  };
}

/** The first picture of every class, then the second of every class, until there are `limit`; in the listing's order again. */
function spread({ classes, files, labels }: Listing, limit: number): Listing {
  const seen = new Array<number>(classes.length).fill(0);
  const rank = labels.map((label) => seen[label]!++);
  const chosen = files
    .map((_, k) => k)
    .sort((a, b) => rank[a]! - rank[b]! || a - b)
    .slice(0, limit)
    .sort((a, b) => a - b);
  return { classes, files: chosen.map((k) => files[k]!), labels: chosen.map((k) => labels[k]!) };
}
