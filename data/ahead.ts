/** A queue between what makes batches and what uses them, so that the next one is made while the consumer waits for its step. */

/** Told to what is being made when nobody wants it any more. */
export interface Wanted {
  readonly stopped: boolean;
}

/**
 * `make(from)` to `make(end - 1)`, in order. Up to `ahead` results are begun before they are asked for, each in a macrotask of its own
 * after the one before was handed over: what the consumer does until its first `await` on a step is never held up. Undefined results
 * are passed over. Whoever stops early (break, throw) stops the making.
 */
export async function* inAdvance<T>(
  { from, end, ahead }: { readonly from: number; readonly end: number; readonly ahead: number },
  make: (k: number, wanted: Wanted) => Promise<T | undefined>,
): AsyncGenerator<T, void, undefined> {
  const wanted = { stopped: false };
  const queue: Promise<T | undefined>[] = [];
  let next = from;
  const begin = (): void => {
    const made = make(next++, wanted);
    made.catch(() => undefined); // it may fail long before the consumer comes for it, or after it has left
    queue.push(made);
  };
  const fill = async (): Promise<void> => {
    for (;;) {
      await turn();
      if (wanted.stopped || queue.length >= ahead || next >= end) return;
      begin();
    }
  };
  try {
    for (let k = from; k < end; k++) {
      if (queue.length === 0) await turn();
      if (queue.length === 0) begin();
      const result = await queue.shift();
      void fill();
      if (result !== undefined) yield result;
    }
  } finally {
    wanted.stopped = true;
  }
}

/** Timers and signals get a turn between batches, even where the caller awaits nothing else. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
