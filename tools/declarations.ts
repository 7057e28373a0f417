/** Declarations that no public entry leads to are of no use to anybody, and some name packages that are not installed with ours. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Deletes them, and their maps. */
export function removeUnreachable(folder: string, entries: readonly string[]): void {
  const reachable = new Set<string>();
  for (const entry of entries) collect(entry, reachable);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    if (/\.d\.ts(\.map)?$/.test(name) && !reachable.has(file.replace(/\.map$/, ''))) rmSync(file);
  }
}

function collect(file: string, reachable: Set<string>): void {
  if (reachable.has(file)) return;
  if (!existsSync(file)) throw new Error(`the build made no ${file}, which an entry of package.json or a declaration names`);
  reachable.add(file);
  const imports = readFileSync(file, 'utf8').matchAll(/(?: from |import\()['"](\.[^'"]+)\.[jt]s['"]/g);
  for (const [, path] of imports) collect(resolve(dirname(file), `${path}.d.ts`), reachable);
}
