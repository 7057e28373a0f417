/**
 * Loaded before a program (`node --import`), it lets file operations go wrong as TAPEGRAD_FAULT says: the process is killed, or the disk
 * is full, at the `at`-th operation (from 1) on paths that contain `path`. A write is cut in half before the kill. `say` counts only.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { kind, path, at } = JSON.parse(process.env.TAPEGRAD_FAULT ?? '{}');
const paths = new Map();
let count = 0;

function due(name) {
  if (!String(name).includes(path)) return false;
  count += 1;
  return count === at;
}

function fail(halfway) {
  if (kind === 'kill') {
    halfway?.();
    process.kill(process.pid, 'SIGKILL');
    for (;;); // the signal is on its way
  }
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
}

const original = { ...fs };
fs.openSync = (file, flags, ...rest) => {
  if (flags !== 'r' && due(file)) fail();
  const descriptor = original.openSync(file, flags, ...rest);
  paths.set(descriptor, file);
  return descriptor;
};
fs.writeSync = (descriptor, bytes, offset = 0) => {
  if (due(paths.get(descriptor)))
    fail(() => original.writeSync(descriptor, bytes, offset, Math.floor((bytes.length - offset) / 2)));
  return original.writeSync(descriptor, bytes, offset);
};
for (const name of ['fsyncSync', 'ftruncateSync']) {
  fs[name] = (descriptor, ...rest) => {
    if (due(paths.get(descriptor))) fail();
    return original[name](descriptor, ...rest);
  };
}
for (const name of ['mkdirSync', 'renameSync', 'rmSync']) {
  fs[name] = (file, ...rest) => {
    if (kind === 'kill' && due(file)) fail();
    if (kind !== 'kill' && name !== 'rmSync' && due(file)) fail();
    return original[name](file, ...rest);
  };
}
if (kind === 'say') process.on('exit', () => console.error(`operations: ${count}`));
syncBuiltinESMExports();
