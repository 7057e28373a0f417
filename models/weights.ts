/** Safetensors files on disk; the format itself is in safetensors.ts. */
import { readFileSync } from 'node:fs';
import type { StateDict } from '../nn/index.ts';
import { decodeSafetensors, encodeSafetensors, WeightsError, type WriteOptions } from './safetensors.ts';
import { reason } from '../disk/reason.ts';
import { writeWhole } from '../disk/writeWhole.ts';

/** The arrays of a file, or of its bytes, in its order; integers and half floats become float32. Throws a WeightsError naming file and key. */
export function readSafetensors(file: string | Uint8Array): StateDict {
  return typeof file === 'string' ? decodeSafetensors(readBytes(file), file) : decodeSafetensors(file);
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new WeightsError(`cannot read ${file}: ${reason(error)}`);
  }
}

/** Writes the arrays whole or not at all; throws a FileError. */
export function writeSafetensors(file: string, tensors: StateDict, options: WriteOptions = {}): void {
  writeWhole(file, encodeSafetensors(tensors, options));
}
