/**
 * CIFAR-10 and CIFAR-100 in their official binary form (https://www.cs.toronto.edu/~kriz/cifar.html). A record is one label byte
 * (CIFAR-100: coarse, then fine), then 1,024 red, 1,024 green and 1,024 blue bytes, row by row.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ndarray from 'ndarray';
import { readWhole } from '../disk/readWhole.ts';
import type { Dataset } from './dataset.ts';
import { DataError } from './error.ts';

export interface CifarOptions {
  readonly split?: 'train' | 'test';
}

const PIXELS = 3 * 32 * 32;
/** The largest official file, CIFAR-100's train.bin, has 154 million. */
const MOST_BYTES = 2 ** 30;
const CIFAR10_CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/**
 * The 10-class set from a directory with data_batch_1.bin to data_batch_5.bin (those that are there) or test_batch.bin; the
 * directory that holds cifar-10-batches-bin will do as well. Throws a DataError naming a file that is missing or malformed.
 */
export function cifar10(directory: string, { split = 'train' }: CifarOptions = {}): Dataset {
  const names = split === 'test' ? ['test_batch.bin'] : [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);
  const files = findFiles(directory, 'cifar-10-batches-bin', names);
  return cifarDataset(files, { labelBytes: 1, labelAt: 0, classes: CIFAR10_CLASSES });
}

/** The 100-class set from a directory with train.bin or test.bin, by its 100 fine or 20 coarse labels. */
export function cifar100(
  directory: string,
  { split = 'train', labels = 'fine' }: CifarOptions & { readonly labels?: 'fine' | 'coarse' } = {},
): Dataset {
  const files = findFiles(directory, 'cifar-100-binary', [`${split}.bin`]);
  const classes = classNames(files[0]!, `${labels}_label_names.txt`, labels === 'fine' ? 100 : 20);
  return cifarDataset(files, { labelBytes: 2, labelAt: labels === 'fine' ? 1 : 0, classes });
}

function findFiles(directory: string, inside: string, names: readonly string[]): string[] {
  if (!existsSync(directory))
    throw new DataError(`the directory ${directory} does not exist; give the one that holds ${names[0]}`);
  for (const place of [directory, join(directory, inside)]) {
    const found = names.map((name) => join(place, name)).filter((file) => existsSync(file));
    if (found.length > 0) return found;
  }
  throw new DataError(`${directory} has no ${names[0]}; give the directory with the binary version of the data set`);
}

/** Names from the text file beside the data, or the numbers where there is none. */
function classNames(beside: string, file: string, count: number): string[] {
  const path = join(beside, '..', file);
  const names = existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
    : [];
  return names.length === count ? names : Array.from({ length: count }, (_, k) => String(k));
}

interface Format {
  readonly labelBytes: number;
  readonly labelAt: number;
  readonly classes: readonly string[];
}

function cifarDataset(files: readonly string[], { labelBytes, labelAt, classes }: Format): Dataset {
  const record = labelBytes + PIXELS;
  const parts = files.map((file) => readRecords(file, record, labelAt, classes.length));
  const starts = parts.map((_, k) => parts.slice(0, k).reduce((sum, part) => sum + part.length / record, 0));
  const locate = (index: number): { bytes: Uint8Array; at: number } => {
    const part = starts.filter((start) => start <= index).length - 1;
    return { bytes: parts[part]!, at: (index - starts[part]!) * record };
  };
  return {
    length: parts.reduce((sum, part) => sum + part.length / record, 0),
    classes,
    imageShape: [3, 32, 32],
    image: (index) => {
      const { bytes, at } = locate(index);
      return ndarray(
        Float32Array.from(bytes.subarray(at + labelBytes, at + record), (byte) => byte / 255),
        [3, 32, 32],
      );
    },
    label: (index) => {
      const { bytes, at } = locate(index);
      return bytes[at + labelAt]!;
    },
  };
}

/** The bytes of a file, checked: whole records, and labels that exist. */
function readRecords(file: string, record: number, labelAt: number, classes: number): Uint8Array {
  const bytes = readWhole(file, MOST_BYTES);
  if (bytes.length === 0 || bytes.length % record !== 0) {
    throw new DataError(
      `${file} has ${bytes.length} bytes, which is not a whole number of records of ${record} bytes; it is cut off or of another format`,
    );
  }
  for (let at = labelAt; at < bytes.length; at += record) {
    if (bytes[at]! >= classes)
      throw new DataError(
        `${file} has label ${bytes[at]} in record ${Math.floor(at / record)}, but labels go from 0 to ${classes - 1}; it is damaged or of another format`,
      );
  }
  return bytes;
}
