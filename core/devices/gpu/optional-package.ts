/** Packages for Node that only some machines need: each lies in a folder of its own under `optional/`, and is loaded on demand. */

/** The file `optional/<name>/package.json` above this module, which runs from the sources or from `dist`. */
export function optionalPackage(name: string): string | undefined {
  const { existsSync } = process.getBuiltinModule('node:fs');
  let folder = new URL(/* @vite-ignore */ './', import.meta.url); // a folder, no file that a bundler could take along
  if (folder.protocol !== 'file:') return undefined;
  for (;;) {
    const candidate = new URL(`optional/${name}/package.json`, folder);
    if (existsSync(candidate)) return process.getBuiltinModule('node:url').fileURLToPath(candidate);
    const above = new URL('../', folder);
    if (above.href === folder.href) return undefined;
    folder = above;
  }
}

/** The address of a package that is installed beside that package.json; throws where it is not. */
export function entryOf(packageFile: string, name: string): string {
  const file = process.getBuiltinModule('node:module').createRequire(packageFile).resolve(name);
  return process.getBuiltinModule('node:url').pathToFileURL(file).href;
}

/** Whether an import failed because there is no such package; a package that is there and does not load is something else. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && /MODULE_NOT_FOUND/.test(String(Reflect.get(error, 'code')));
}

export function isNode(): boolean {
  return typeof process !== 'undefined' && process.versions?.node !== undefined;
}
