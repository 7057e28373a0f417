/** Files that are written whole or not at all: under a temporary name beside the file, flushed to the disk, then renamed. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FileError, reason } from './reason.ts';

/** Replaces `file`, or leaves it as it is and throws a FileError. */
export function writeWhole(file: string, parts: readonly (Uint8Array | string)[]): void {
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.tmp`);
  try {
    writeDurably(temporary, parts);
    renameSync(temporary, file);
    syncDirectory(dirname(file));
  } catch (error) {
    removeIfThere(temporary);
    throw new FileError(`cannot write ${file}: ${reason(error)}`);
  }
}

/** Cleans up behind an error, which is what the caller shall hear of. */
export function removeIfThere(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // a path that leads through a file, or a disk that is gone: nothing is there that this process could remove
  }
}

/** Writes a file and waits until the disk has it. */
export function writeDurably(file: string, parts: readonly (Uint8Array | string)[]): void {
  const descriptor = openSync(file, 'w');
  try {
    for (const part of parts) writeAll(descriptor, typeof part === 'string' ? new TextEncoder().encode(part) : part);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** All of the bytes: one call may write fewer than it was given. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

/** A rename is on the disk when the directory is. Windows cannot open directories and needs no such call. */
export function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
