/** A data file or data set that cannot be used; the message names it and says what is needed. */
export class DataError extends Error {
  override readonly name: string = 'DataError';
}

/** One picture that cannot be read. The loader may go on without it (`unreadableLimit`). */
export class PictureError extends DataError {
  override readonly name = 'PictureError';

  constructor(
    readonly file: string,
    readonly reason: string,
  ) {
    super(`${file} cannot be read as a picture: ${reason}`);
  }
}
