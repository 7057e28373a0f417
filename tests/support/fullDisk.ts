/** A disk that is full from one operation on, in this process. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { mkdirSync, openSync, writeSync, fsyncSync, renameSync } = fs;

/** The `at`-th operation that needs space (from 1), on paths that contain `path`, fails; the function gives how many there were so far. */
export function fillDiskAt(at: number, path = ''): () => number {
  let count = 0;
  const paths = new Map<unknown, string>();
  const check = (place: unknown): void => {
    if (!String(paths.get(place) ?? place).includes(path)) return;
    count += 1;
    if (count === at) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  const guarded =
    <Arguments extends unknown[], Result>(operation: (...args: Arguments) => Result) =>
    (...args: Arguments): Result => {
      check(args[0]);
      return operation(...args);
    };
  const guardedOpen = guarded(openSync);
  Object.assign(fs, {
    mkdirSync: guarded(mkdirSync),
    openSync: (...args: Parameters<typeof openSync>): number => {
      const descriptor = args[1] === 'r' ? openSync(...args) : guardedOpen(...args);
      paths.set(descriptor, String(args[0]));
      return descriptor;
    },
    writeSync: guarded(writeSync),
    fsyncSync: guarded(fsyncSync),
    renameSync: guarded(renameSync),
  });
  syncBuiltinESMExports();
  return () => count;
}

export function restoreDisk(): void {
  Object.assign(fs, { mkdirSync, openSync, writeSync, fsyncSync, renameSync });
  syncBuiltinESMExports();
}
