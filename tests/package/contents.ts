/** What is in the installed package: which packages its files import, and where its maps lead. */
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, resolve } from 'node:path';

/** By imported package, the files that import it; Node's own modules and the package itself are left out. */
export function importedPackages(home: string, paths: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of paths) {
    const text = readFileSync(join(home, path), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, name] of text.matchAll(/(?:\bfrom |\bimport |\bimport\()['"]((?:@[\w.-]+\/)?[\w-][\w.-]*)/g)) {
      if (name!.startsWith('node') || builtinModules.includes(name!) || name === 'tapegrad') continue;
      found.set(name!, [...(found.get(name!) ?? []), path]);
    }
  }
  return found;
}

/** Modules and declarations without a map, and maps whose sources are not there. */
export function unmapped(home: string, paths: readonly string[]): string[] {
  const compiled = paths.filter((path) => /^dist\/(?!bundled\/).*\.(js|d\.ts)$/.test(path));
  return compiled.filter((path) => {
    const map = join(home, `${path}.map`);
    if (!existsSync(map)) return true;
    const { sources }: { readonly sources: readonly string[] } = JSON.parse(readFileSync(map, 'utf8'));
    return sources.length === 0 || !sources.every((source) => existsSync(resolve(dirname(map), source)));
  });
}

/** Every file that `exports` and `bin` of the installed package.json name, but for the sources of the repository's own condition. */
export function entryFiles(home: string): string[] {
  const { exports, bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  return JSON.stringify([exports, bin]).match(/\.\/dist\/[^"]+/g) ?? [];
}
