/** Safetensors files on disk; the format itself is in safetensors.ts. */

import { readWhole } from '../disk/readWhole.ts';
import { writeWhole } from '../disk/writeWhole.ts';
import type { StateDict } from '../nn/index.ts';
import { decodeSafetensors, encodeSafetensors, type WriteOptions } from './safetensors.ts';

/**
 * The arrays of a file, or of its bytes, in its order; half floats become float32, integers float64. Throws a FileError for what
 * cannot be read, and a WeightsError, naming file and key, for what is no safetensors file.
 */
export function readSafetensors(file: string | Uint8Array): StateDict {
  return typeof file === 'string' ? decodeSafetensors(readWhole(file), file) : decodeSafetensors(file);
}

/** Writes the arrays whole or not at all; throws a FileError. */
export function writeSafetensors(file: string, tensors: StateDict, options: WriteOptions = {}): void {
  writeWhole(file, encodeSafetensors(tensors, options));
}
