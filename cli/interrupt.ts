/** Ctrl-C: the first one asks the loop to end after its step, the second ends the process. */
export interface Interrupt {
  readonly requested: boolean;
  /** What a process that a signal ended exits with: 128 and the signal's number. */
  readonly exitCode: number;
  /** Gives the signals back. */
  release(): void;
}

export function onInterrupt(message: string): Interrupt {
  const interrupt = { requested: false, exitCode: 0, release };
  function handle(signal: NodeJS.Signals): void {
    const exitCode = signal === 'SIGINT' ? 130 : 143;
    if (interrupt.requested) process.exit(exitCode);
    Object.assign(interrupt, { requested: true, exitCode });
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
