/** The unreadable pictures of a run: each file is reported once, and too many of them end the run. */
import type { Dataset, Image } from './dataset.ts';
import { DataError, PictureError } from './error.ts';

/** What is done about pictures that cannot be read. */
export interface UnreadableOptions {
  /** So many unreadable pictures are left out of their batches; the next one is an error. 0 by default. */
  readonly unreadableLimit?: number;
  /** Hears of every such file once, with the number of them so far. */
  readonly onUnreadable?: (error: PictureError, count: number) => void;
}

/** The image, or why it cannot be read; any other error is thrown. */
export async function readable(dataset: Dataset, index: number, epoch?: number): Promise<Image | PictureError> {
  try {
    return await dataset.image(index, epoch);
  } catch (error) {
    if (error instanceof PictureError) return error;
    throw error;
  }
}

export class Unreadable {
  private readonly files = new Set<string>();
  private readonly limit: number;

  constructor(private readonly options: UnreadableOptions) {
    this.limit = options.unreadableLimit ?? 0;
    if (!(this.limit >= 0))
      throw new RangeError(`DataLoader: unreadableLimit ${this.limit} given; it needs to be a number of at least 0`);
  }

  /** Throws when it is one too many. */
  add(error: PictureError): void {
    if (this.limit === 0) throw error;
    if (!this.files.has(error.file)) {
      this.files.add(error.file);
      this.options.onUnreadable?.(error, this.files.size);
    }
    if (this.files.size > this.limit)
      throw new DataError(
        `${this.files.size} pictures cannot be read, and only ${this.limit} may be left out (unreadableLimit); the last one was ${error.file}`,
      );
  }
}
