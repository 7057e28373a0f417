/**
 * A run that is killed 25 times, 10 of them inside the writing of a checkpoint, and goes on each time, ends with the bits of one that
 * nobody disturbed: weights, momentum, history and metrics, times and rates apart.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compiledCli } from '../cli/compiled.ts';
import { ROOT, runProcess } from '../cli/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapegrad-kill-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { program } = compiledCli();

/** 30 steps in 5 epochs, a checkpoint after each; held-out images, micro-batches and a plateau have state to lose too. */
const SETTINGS = [
  ...['--limit', '28', '--validation', '4', '--batch-size', '4', '--accumulate', '2', '--epochs', '5', '--augment', 'cifar'],
  ...['--schedule', 'plateau', '--patience', '0', '--warm-up', '0'],
];
const RUNNING = ['--device', 'simd', '--threads', '1', '--checkpoint-every', '1', '--keep', '2'];

interface Fault {
  readonly path: string;
  /** The operation on such a path, from 1, that does not return. */
  readonly at: number;
}

/** A checkpoint of resnet20 takes about 170 operations: these lie in its tensors, in its last files, and around the renames. */
const IN_CHECKPOINTS = [1, 9, 60, 120, 160, 165, 168, 170, 171, 172].map((at): Fault => ({ path: '/checkpoints/', at }));
/** Two operations a step (a line, then the flush before its checkpoint), after opening the file and cutting it back. */
const IN_METRICS = [7, 9, 8, 10, 7, 9, 8, 10, 9, 7].map((at): Fault => ({ path: 'metrics.jsonl', at }));
/** Milliseconds after the run said what it trains: while it compiles, or in its first steps. */
const BY_THE_CLOCK = [100, 200, 300, 400, 500];

function train(args: readonly string[], fault?: Fault, delay?: number) {
  const preload = fault ? ['--import', join(ROOT, 'tests/support/faultyDisk.mjs')] : [];
  process.env.TAPEGRAD_FAULT = JSON.stringify({ kind: 'kill', ...fault });
  let armed = false;
  return runProcess([...preload, program, 'train', ...RUNNING, ...args], ROOT, (printed, child) => {
    if (delay === undefined || armed || !printed.includes('training resnet20')) return;
    armed = true;
    setTimeout(() => child.kill('SIGKILL'), delay);
  });
}

/** Every other checkpoint kill comes after one in the metrics, so that the run advances between them. */
function moments(): (Fault | number)[] {
  const all: (Fault | number)[] = [];
  for (let k = 0; k < 10; k++) all.push(IN_METRICS[k]!, IN_CHECKPOINTS[k]!, ...(k % 2 === 0 ? [BY_THE_CLOCK[k / 2]!] : []));
  return all;
}

const withoutTimes = (text: string): string => text.replace(/"(seconds|imagesPerSecond)": ?[\d.e+-]+/g, '"$1":0');

/** What must be the same to the bit. */
function remains(directory: string): Record<string, string> {
  const newest = readdirSync(join(directory, 'checkpoints')).sort().at(-1)!;
  const file = (name: string): string => readFileSync(join(directory, name), 'latin1');
  return {
    newest,
    weights: file('model.safetensors'),
    model: file(`checkpoints/${newest}/model.safetensors`),
    momentum: file(`checkpoints/${newest}/momentum.safetensors`),
    progress: withoutTimes(file(`checkpoints/${newest}/progress.json`)).replace(/"metricsBytes": \d+/, ''),
    metrics: withoutTimes(file('metrics.jsonl')),
  };
}

describe('a run killed at 25 moments', () => {
  it('ends as if nothing had happened', { timeout: 600_000 }, async () => {
    const whole = join(folder, 'whole');
    expect((await train([...SETTINGS, '--out', whole])).code).toBe(0);

    const killed = join(folder, 'killed');
    const steps: number[] = [];
    for (const [k, moment] of moments().entries()) {
      const args = k === 0 ? [...SETTINGS, '--out', killed] : ['--resume', killed];
      const { code, stderr } = await (typeof moment === 'number' ? train(args, undefined, moment) : train(args, moment));
      expect({ moment, code, stderr: code === null ? '' : stderr }).toEqual({ moment, code: null, stderr: '' });
      steps.push(Number(/going on from .*step-0*(\d+)/.exec(stderr)?.[1] ?? 0));
    }
    expect(Math.max(...steps)).toBeGreaterThan(20); // of 30: spread over the run
    const { code, stderr } = await train(['--resume', killed]);
    expect(stderr).not.toContain('passed over');
    expect(code).toBe(0);
    const [expected, found] = [remains(whole), remains(killed)];
    for (const part of Object.keys(expected)) expect(found[part] === expected[part], part).toBe(true);
    expect(readdirSync(join(killed, 'checkpoints')).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
