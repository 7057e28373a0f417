/** A data file or data set that cannot be used; the message names it and says what is needed. */

/** A data file or data set that cannot be used; the message names it and says what is needed. */
export class DataError extends Error {
  /** `DataError`, or that of a kind of it. */
  override readonly name: string = 'DataError';
}

/** One picture that cannot be read. The loader may go on without it (`unreadableLimit`). */
export class PictureError extends DataError {
  /** Always `PictureError`. */
  override readonly name = 'PictureError';

  /** The message names the file and the reason. */
  constructor(
    /** The path of the picture. */
    readonly file: string,
    /** What the decoder said. */
    readonly reason: string,
  ) {
    super(`${file} cannot be read as a picture: ${reason}`);
  }
}
