/** Ctrl-C: the first one asks the loop to end after its step, the second ends the process. */
export interface Interrupt {
  readonly requested: boolean;
  /** Gives the signals back. */
  release(): void;
}

export function onInterrupt(message: string): Interrupt {
  const interrupt = { requested: false, release };
  function handle(signal: NodeJS.Signals): void {
    if (interrupt.requested) process.exit(signal === 'SIGINT' ? 130 : 143);
    interrupt.requested = true;
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
