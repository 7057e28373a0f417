/**
 * What the operating system refuses, as a person reads it. The folder owns what all that writes files has in common; it knows nothing of
 * the framework.
 */

/** A file or directory that cannot be read or written; the message names it and the reason. */
export class FileError extends Error {
  /** `FileError` */
  override readonly name = 'FileError';
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space, or choose another directory',
  EDQUOT: 'the quota of this user is used up; free some space, or choose another directory',
  EACCES: 'permission denied; choose a place that you may use',
  EPERM: 'operation not permitted; choose a place that you may use',
  EROFS: 'the file system is read-only; choose another place',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is a file, not a directory',
  EEXIST: 'something else is there already; choose another place',
  ENOTEMPTY: 'something else is there already; choose another place',
  EISDIR: 'it is a directory, but a file is needed',
};

/** What the operating system said, as a person reads it. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const text = ADVICE[code] ?? error.message.replace(/^([A-Z]+): (.*?), .*$/, '$2');
  return code === '' ? text : `${text} (${code})`;
}
