/** JSON that a disk or a hand may have changed. */
import { FileError } from '../disk/reason.ts';

/** A JSON object, or a FileError with the file's name. */
export function parseObject(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FileError(`${file} is not JSON; it is damaged or another file`);
  }
  if (!isObject(value)) throw new FileError(`${file} does not hold a JSON object; it is damaged or another file`);
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
