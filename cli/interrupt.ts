/** Ctrl-C: the first one asks the loop to end after its step, the second ends the process. */
export interface Interrupt {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** What a process that a signal ended exits with: 128 and the signal's number. */
  readonly exitCode: number;
  /** Gives the signals back. */
  release(): void;
}

export function onInterrupt(message: string): Interrupt {
  const controller = new AbortController();
  const interrupt = { signal: controller.signal, exitCode: 0, release };
  function handle(signal: NodeJS.Signals): void {
    const exitCode = signal === 'SIGINT' ? 130 : 143;
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort();
    interrupt.exitCode = exitCode;
    console.error(`\n${message}`);
  }
  function release(): void {
    process.off('SIGINT', handle);
    process.off('SIGTERM', handle);
  }
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return interrupt;
}
