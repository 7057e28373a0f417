/** The DEBUG ladder: each level says what it promises, and the ones below it too. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { relu, State, square, sum, useDevice } from '../../core/index.ts';

async function printed(level: string, size: number): Promise<string> {
  vi.stubEnv('DEBUG', level);
  const lines: unknown[] = [];
  vi.spyOn(console, 'error').mockImplementation((line) => lines.push(line));
  await useDevice('cpu');
  const w = new State(new Float32Array(size).fill(1), { label: 'w', trainable: true });
  const loss = sum(square(relu(w.read())));
  await loss.item();
  loss.backward();
  await w.grad!.data();
  return lines.join('\n');
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('DEBUG', () => {
  it('0 and words say nothing', async () => {
    expect(await printed('0', 5)).toBe('');
    expect(await printed('express:*', 6)).toBe('');
  });

  it('1 says what was compiled, how much memory it takes and what ran twice', async () => {
    const text = await printed('1', 7);
    expect(text).toMatch(/compiled a plan of \d+ steps for cpu, arena [\d.]+ MiB/);
    expect(text).toContain('ran a second time');
    expect(text).not.toContain('ms to run');
  });

  it('2 adds the times of flushes and ops', async () => {
    const text = await printed('2', 8);
    expect(text).toMatch(/flush \d+: \d+ steps, [\d.]+ ms to key, [\d.]+ ms to run\n {2}\w+ +[\d.]+ ms/);
    expect(text).toContain('compiled a plan');
  });

  it('3 adds the kernels', async () => {
    const text = await printed('3', 9);
    expect(text).toContain('kernels of the plan:');
    expect(text).toContain('this.thread.x');
  });

  it('4 adds the tape and the plan after each pass', async () => {
    const text = await printed('4', 10);
    expect(text).toContain('the tape as steps:\n%1 = relu(%0) [10]');
    expect(text).toContain('after fuse:');
    expect(text).toContain('the plan:\nstep');
  });
});
