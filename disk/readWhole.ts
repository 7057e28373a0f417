/** Files read whole, up to a size: a name that leads to a directory, a pipe or something enormous ends with a sentence at once. */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { FileError, reason } from './reason.ts';

/** Files of weights: what one buffer of Node 20 can hold. */
const MOST_BYTES = 2 ** 32;

/** The bytes of a regular file of at most `most` bytes. Throws a FileError that names the file. */
export function readWhole(file: string, most = MOST_BYTES): Uint8Array {
  const size = sizeOf(file);
  if (size > most)
    throw new FileError(`${file} has ${size} bytes, but ${most} are the most that is expected; it is another file`);
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FileError(`cannot read ${file}: ${reason(error)}`);
  }
}

export function readText(file: string, most: number): string {
  return new TextDecoder().decode(readWhole(file, most));
}

/** Size of a regular file. Nothing is opened: to open a pipe would wait for its other end. */
function sizeOf(file: string): number {
  let status: Stats;
  try {
    status = statSync(file);
  } catch (error) {
    throw new FileError(`cannot read ${file}: ${reason(error)}`);
  }
  if (status.isDirectory()) throw new FileError(`cannot read ${file}: it is a directory, but a file is needed`);
  if (!status.isFile()) throw new FileError(`cannot read ${file}: it is not a regular file`);
  return status.size;
}
