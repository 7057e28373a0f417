/** How many threads compute where nobody asks for a number. */
import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { threadCount } from '../../../core/devices/worker-pool.ts';

describe('threads', () => {
  afterEach(() => vi.unstubAllEnvs());
  const usual = (variable: string): Promise<number> => {
    vi.stubEnv('TAPEGRAD_THREADS', variable);
    return threadCount('simd', undefined);
  };

  it('are as many as cores, or as the variable says; who asks for a number gets it', async () => {
    expect(await usual('')).toBe(availableParallelism());
    expect(await usual('3')).toBe(3);
    expect(await threadCount('simd', 2)).toBe(2);
  });
  it.each(['0', '-1', 'two', '1.5'])('the variable cannot be %j', (variable) =>
    expect(usual(variable)).rejects.toThrow(
      `the variable TAPEGRAD_THREADS is "${variable}"; it needs to be a whole number of at least 1`,
    ),
  );
});
