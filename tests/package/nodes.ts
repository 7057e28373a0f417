/** The versions of Node that the installed package is tried on. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface NodeBinary {
  readonly version: string;
  readonly path: string;
}

/**
 * This process's Node, those that the variable TAPEGRAD_NODES names (paths, separated as in PATH), and those on PATH, also under names such as
 * node24; each version once, and none that is too old for the package.
 */
export function nodes(): NodeBinary[] {
  const named = (process.env.TAPEGRAD_NODES ?? '').split(delimiter).filter((path) => path !== '');
  const found = new Map([[process.version, process.execPath]]);
  for (const path of named) found.set(versionOf(path), path);
  for (const path of onPath()) {
    const version = triedVersion(path);
    if (version !== undefined && isNewEnough(version) && !found.has(version)) found.set(version, path);
  }
  return [...found].map(([version, path]) => ({ version, path }));
}

function versionOf(path: string): string {
  return execFileSync(path, ['--version'], { encoding: 'utf8' }).trim();
}

/** Undefined for what lies on PATH under the name and does not run. */
function triedVersion(path: string): string | undefined {
  try {
    return versionOf(path);
  } catch {
    return undefined;
  }
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19);
}

function onPath(): string[] {
  return (process.env.PATH ?? '').split(delimiter).flatMap((folder) =>
    namesIn(folder)
      .filter((name) => /^node(js)?[-.\d]*(\.exe)?$/.test(name))
      .map((name) => join(folder, name)),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
