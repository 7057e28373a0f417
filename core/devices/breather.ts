/** Lets the event loop breathe during long synchronous work: timers and signals get a turn about every 50 ms. */
const INTERVAL_MS = 50;

export class Breather {
  private last = performance.now();

  async breathe(): Promise<void> {
    if (performance.now() - this.last < INTERVAL_MS) return;
    await turn();
    this.last = performance.now();
  }
}

/** Resolves in a later macrotask, after timers, signals and messages have had their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
