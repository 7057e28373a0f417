/**
 * What people see of a run: the labels that name steps, and the DEBUG ladder. It owns no data of a computation.
 *
 * DEBUG=1 plans compiled, their memory, passes run twice; 2 time of each flush and op; 3 kernel sources; 4 the tape and the plan
 * after each pass.
 */
const scope: string[] = [];

/**
 * Runs `body`, and gives every op recorded in it the label `name`, such as `layer1.0.conv1`. Of labels within each other the
 * innermost counts.
 */
export function withLabel<T>(name: string, body: () => T): T {
  scope.push(name);
  try {
    return body();
  } finally {
    scope.pop();
  }
}

/** The label of what is recorded now: the innermost name, since modules carry their whole path. */
export function currentLabel(): string {
  return scope[scope.length - 1] ?? '';
}

/** The level set by the environment variable DEBUG (a digit); 0 without one, and in browsers. */
export function debugLevel(): number {
  const text = typeof process === 'undefined' ? undefined : process.env.DEBUG;
  return text !== undefined && /^[0-9]$/.test(text) ? Number(text) : 0;
}

/** Writes a line to the console's error stream when DEBUG is at least `level`. */
export function debug(level: number, message: () => string): void {
  if (debugLevel() >= level) console.error(`tapegrad: ${message()}`);
}
