/** Files that were dropped on the page, folders with all that is in them. */
import type { PictureFile } from './protocol.ts';

export type Dropped =
  | { readonly kind: 'run'; readonly file: File }
  | { readonly kind: 'cifar'; readonly files: readonly File[] }
  | { readonly kind: 'picture'; readonly file: File }
  | { readonly kind: 'pictures'; readonly files: readonly PictureFile[] };

/** Must be called while the drop is handled: the browser forgets its items afterwards. */
export async function dropped({ items }: DataTransfer): Promise<Dropped> {
  const given = [...items].map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const parts = given.map(async ({ entry, file }): Promise<PictureFile[]> => {
    if (entry?.isDirectory) return filesOf(entry);
    return file === null ? [] : [{ path: file.name, file }]; // a picture from another page has an entry that cannot be read
  });
  const files = (await Promise.all(parts)).flat();
  if (given.some(({ entry }) => entry?.isDirectory)) return { kind: 'pictures', files };
  return sort(files.map(({ file }) => file));
}

/** What a person means by giving these files, by their names. Throws a sentence for what nothing can be done with. */
export function sort(files: readonly File[]): Dropped {
  const [first] = files;
  if (first === undefined) throw new Error('no file was dropped; drop a picture, a saved run (.tar), or CIFAR-10');
  if (files.every(({ name }) => /\.(bin|gz|tgz)$/i.test(name) || /^cifar.*\.tar$/i.test(name))) return { kind: 'cifar', files };
  if (files.length === 1 && /\.tar$/i.test(first.name)) return { kind: 'run', file: first };
  if (files.length === 1 && first.type.startsWith('image/')) return { kind: 'picture', file: first };
  throw new Error(
    `${first.name} cannot be used; drop one picture, a folder of pictures, a saved run (.tar), or CIFAR-10 (cifar-10-binary.tar.gz or .bin files)`,
  );
}

/** A file, or all files below a folder, with their paths. */
async function filesOf(entry: FileSystemEntry): Promise<PictureFile[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [{ path: entry.fullPath.replace(/^\//, ''), file }];
  }
  return isDirectory(entry) ? (await Promise.all((await entriesOf(entry)).map(filesOf))).flat() : [];
}

/** A reader gives the entries in portions; an empty one is the last. */
async function entriesOf(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (portion.length === 0) return found;
    found.push(...portion);
  }
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isDirectory = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
