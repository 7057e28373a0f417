/** A data file or data set that cannot be used; the message names it and says what is needed. */
export class DataError extends Error {
  override readonly name = 'DataError';
}
