/**
 * CIFAR-10 and CIFAR-100 in their official binary form (https://www.cs.toronto.edu/~kriz/cifar.html), from bytes; cifarFiles.ts reads them
 * from a directory. A record is one label byte (CIFAR-100: coarse, then fine), then 1,024 red, 1,024 green and 1,024 blue bytes, row by row.
 */
import ndarray from 'ndarray';
import type { Dataset } from './dataset.ts';
import { DataError } from './error.ts';

/** The contents of a .bin file, and its name for messages. */
export interface CifarFile {
  /** What messages call it. */
  readonly name: string;
  /** All of the file. */
  readonly bytes: Uint8Array;
}

/** Which of the two labels of a CIFAR-100 image counts. */
export interface Cifar100Labels {
  /** `fine`, the default, for 100 classes, or `coarse` for 20. */
  readonly labels?: 'fine' | 'coarse';
  /** Names of the classes; their numbers without it. */
  readonly names?: readonly string[];
}

const PIXELS = 3 * 32 * 32;
const CIFAR10_CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** The 10-class set of one or several files, one after the other. Throws a DataError naming a file that is malformed. */
export function cifar10FromFiles(files: readonly CifarFile[]): Dataset {
  return cifarDataset(files, { labelBytes: 1, labelAt: 0, classes: CIFAR10_CLASSES });
}

/**
 * The 100-class set of one or several files, by its 100 fine or 20 coarse labels. Throws a DataError naming a file that is
 * malformed.
 */
export function cifar100FromFiles(files: readonly CifarFile[], { labels = 'fine', names }: Cifar100Labels = {}): Dataset {
  const count = labels === 'fine' ? 100 : 20;
  const classes = names?.length === count ? names : Array.from({ length: count }, (_, k) => String(k));
  return cifarDataset(files, { labelBytes: 2, labelAt: labels === 'fine' ? 1 : 0, classes });
}

interface Format {
  readonly labelBytes: number;
  readonly labelAt: number;
  readonly classes: readonly string[];
}

function cifarDataset(files: readonly CifarFile[], { labelBytes, labelAt, classes }: Format): Dataset {
  const record = labelBytes + PIXELS;
  for (const file of files) checkRecords(file, record, labelAt, classes.length);
  const parts = files.map(({ bytes }) => bytes);
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

/** Whole records, and labels that exist. */
function checkRecords({ name, bytes }: CifarFile, record: number, labelAt: number, classes: number): void {
  if (bytes.length === 0 || bytes.length % record !== 0) {
    throw new DataError(
      `${name} has ${bytes.length} bytes, which is not a whole number of records of ${record} bytes; it is cut off or of another format; fetch the binary version of the data again`,
    );
  }
  for (let at = labelAt; at < bytes.length; at += record) {
    if (bytes[at]! >= classes)
      throw new DataError(
        `${name} has label ${bytes[at]} in record ${Math.floor(at / record)}, but labels go from 0 to ${classes - 1}; it is damaged or of another format; fetch the binary version of the data again`,
      );
  }
}
