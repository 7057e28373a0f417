/** The package as `npm pack` makes it, and blank projects that install it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ROOT } from '../cli/run.ts';

/** What can be imported; `tapegrad/testing/arbitraries` needs fast-check besides. */
export const ENTRIES = ['', '/nn', '/optim', '/data', '/models', '/training', '/testing'].map((path) => `tapegrad${path}`);

/** A package and the project that has installed it. */
export interface Installed {
  readonly tarball: Tarball;
  readonly project: string;
  /** The folder of the installed package. */
  readonly home: string;
}

export interface Tarball {
  readonly file: string;
  /** Bytes of the file, and of all that is in it. */
  readonly size: number;
  readonly unpackedSize: number;
  /** Paths inside the package. */
  readonly paths: readonly string[];
}

/** Where everything lies that the tests make. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tapegrad-package-'));
}

/** Builds and packs: npm runs the script `prepare` first. */
export function pack(folder: string): Tarball {
  const printed = npm(['pack', '--json', '--pack-destination', folder], ROOT);
  const [{ filename, size, unpackedSize, files }] = JSON.parse(printed.slice(printed.search(/^\[/m)));
  const paths = files.map(({ path }: { readonly path: string }) => path);
  return { file: join(folder, filename), size, unpackedSize, paths };
}

/** A project of the files of `projects/<kind>`, which has installed the package and what the words name besides. */
export function install(folder: string, kinds: readonly string[], tarball: Tarball, words: readonly string[]): Installed {
  const project = join(folder, kinds.join('-'));
  mkdirSync(project);
  for (const kind of kinds) cpSync(join(ROOT, 'tests/package/projects', kind), project, { recursive: true });
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', ...words, tarball.file], project);
  return { tarball, project, home: join(project, 'node_modules/tapegrad') };
}

/** What npm prints. */
function npm(words: readonly string[], cwd: string): string {
  return execFileSync('npm', words, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
}

/** Losses are near 3; float32 devices differ in their sixth digit, and two steps make little of that. */
export function expectLosses(actual: readonly number[] | undefined, expected: readonly number[]): void {
  expect(actual).toHaveLength(2);
  actual?.forEach((loss, k) => expect(Math.abs(loss - expected[k]!)).toBeLessThan(1e-4));
}
