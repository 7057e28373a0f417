/** CIFAR's official files in a directory. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readText, readWhole } from '../disk/readWhole.ts';
import { type Cifar100Labels, type CifarFile, cifar10FromFiles, cifar100FromFiles } from './cifar.ts';
import type { Dataset } from './dataset.ts';
import { DataError } from './error.ts';

/** Options of `cifar10` and `cifar100`. */
export interface CifarOptions {
  /** Which images; `train` by default. */
  readonly split?: 'train' | 'test';
}

/** The largest official file, CIFAR-100's train.bin, has 154 million. */
const MOST_BYTES = 2 ** 30;
/** The names of 100 classes take a kilobyte. */
const MOST_NAMES = 65_536;

/**
 * The 10-class set from a directory with data_batch_1.bin to data_batch_5.bin (those that are there) or test_batch.bin; the
 * directory that holds cifar-10-batches-bin will do as well. Throws a DataError naming a file that is missing or malformed.
 */
export function cifar10(directory: string, { split = 'train' }: CifarOptions = {}): Dataset {
  const names = split === 'test' ? ['test_batch.bin'] : [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);
  return cifar10FromFiles(findFiles(directory, 'cifar-10-batches-bin', names).map(read));
}

/**
 * The 100-class set from a directory with train.bin or test.bin, by its 100 fine or 20 coarse labels; the directory that holds
 * cifar-100-binary will do as well. Throws a DataError naming a file that is missing or malformed.
 */
export function cifar100(
  directory: string,
  { split = 'train', labels = 'fine' }: CifarOptions & Pick<Cifar100Labels, 'labels'> = {},
): Dataset {
  const files = findFiles(directory, 'cifar-100-binary', [`${split}.bin`]);
  const names = classNames(join(files[0]!, '..', `${labels}_label_names.txt`));
  return cifar100FromFiles(files.map(read), { labels, ...(names && { names }) });
}

const read = (name: string): CifarFile => ({ name, bytes: readWhole(name, MOST_BYTES) });

function findFiles(directory: string, inside: string, names: readonly string[]): string[] {
  if (!existsSync(directory))
    throw new DataError(`the directory ${directory} does not exist; give the one that holds ${names[0]}`);
  for (const place of [directory, join(directory, inside)]) {
    const found = names.map((name) => join(place, name)).filter((file) => existsSync(file));
    if (found.length > 0) return found;
  }
  throw new DataError(`${directory} has no ${names[0]}; give the directory with the binary version of the data set`);
}

/** From the text file beside the data, where there is one. */
function classNames(file: string): string[] | undefined {
  if (!existsSync(file)) return undefined;
  return readText(file, MOST_NAMES)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
