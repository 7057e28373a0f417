/** Which pictures a directory holds: {train,val}/<class>/<picture>, classes and pictures by name. */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { DataError } from '../error.ts';

export interface Listing {
  /** Folder names; a class's place is its label. */
  readonly classes: readonly string[];
  readonly files: readonly string[];
  readonly labels: readonly number[];
}

const PICTURE = /\.(jpe?g|png|webp)$/i;

/** The pictures of one split; the test split is val/, or test/ where there is no val/. */
export function listPictures(directory: string, split: 'train' | 'test'): Listing {
  if (!isDirectory(directory))
    throw new DataError(`the directory ${directory} does not exist; give the one that holds train/ and val/`);
  const evaluation = ['val', 'test'].find((name) => isDirectory(join(directory, name)));
  const [folder, other] = split === 'train' ? ['train', evaluation] : [evaluation, 'train'];
  if (folder === undefined || !isDirectory(join(directory, folder)))
    throw new DataError(
      `${directory} has no folder ${split === 'train' ? 'train/' : 'val/ or test/'} with a folder for each class`,
    );
  const inside = realpathSync(directory);
  const classes = entries(join(directory, folder), inside, isDirectory);
  if (classes.length === 0) throw new DataError(`${join(directory, folder)} has no folders; it needs one for each class`);
  if (other !== undefined && isDirectory(join(directory, other)))
    checkSame(directory, { [folder]: classes, [other]: entries(join(directory, other), inside, isDirectory) });
  const perClass = classes.map((name) => picturesOf(join(directory, folder, name), inside));
  return { classes, files: perClass.flat(), labels: perClass.flatMap((files, label) => files.map(() => label)) };
}

function picturesOf(folder: string, inside: string): string[] {
  const names = entries(folder, inside, isFile).filter((name) => PICTURE.test(name));
  if (names.length === 0) throw new DataError(`${folder} has no pictures (jpg, jpeg, png, webp); add some or remove the folder`);
  return names.map((name) => join(folder, name));
}

/** Names in order of their code units. Hidden ones and links that lead out of the data set are passed over. */
function entries(folder: string, inside: string, kind: (path: string) => boolean): string[] {
  const wanted = (entry: Dirent): boolean => {
    if (entry.name.startsWith('.')) return false;
    if (!entry.isSymbolicLink()) return kind === isDirectory ? entry.isDirectory() : entry.isFile();
    const path = join(folder, entry.name);
    return kind(path) && realpathSync(path).startsWith(inside + sep);
  };
  return readdirSync(folder, { withFileTypes: true })
    .filter(wanted)
    .map(({ name }) => name)
    .sort();
}

/** A class is a number by its place among the folders, so both splits need the same ones. */
function checkSame(directory: string, splits: Readonly<Record<string, readonly string[]>>): void {
  const names = Object.keys(splits);
  for (const [one, other] of [names, [...names].reverse()]) {
    const alone = splits[one!]!.find((name) => !splits[other!]!.includes(name));
    if (alone !== undefined)
      throw new DataError(
        `${directory} has the class ${alone} in ${one}/ but not in ${other}/; both need the same folders, by which classes are numbered`,
      );
  }
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
