/**
 * Builds the package in `dist/`: modules and declarations by tsc, gpu.js in one file of its own. Whatever was there before goes, so that
 * nothing stale is packed.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleGpuJs } from './bundleGpuJs.ts';
import { removeUnreachable } from './declarations.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

function compile(): void {
  const tsc = fileURLToPath(new URL('./bin/tsc', import.meta.resolve('typescript/package.json')));
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
}

/** Modules that import gpu.js find the bundle instead. Places in a line stay as source maps have them, but for the import's own line. */
function importBundle(bundle: string): void {
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const file = join(dist, name);
    if (!name.endsWith('.js') || file === bundle) continue;
    const text = readFileSync(file, 'utf8');
    const path = relative(dirname(file), bundle).replaceAll('\\', '/');
    const changed = text.replace(/ from 'gpu\.js';/g, ` from '${path}';`);
    if (changed !== text) writeFileSync(file, changed);
  }
}

/** Every address in `exports` that ends so. */
function exportedFiles(ending: string): string[] {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const files = JSON.stringify(exports).match(/\.\/dist\/[^"]+/g) ?? [];
  return files.filter((file) => file.endsWith(ending)).map((file) => join(root, file));
}

rmSync(dist, { recursive: true, force: true });
compile();
removeUnreachable(dist, exportedFiles('.d.ts'));
importBundle(await bundleGpuJs(join(dist, 'bundled')));
