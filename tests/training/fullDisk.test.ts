/** A disk that fills up: at every operation of a checkpoint in turn, and a small file system that is really full. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { FileError } from '../../disk/reason.ts';
import { type Checkpoint, type Progress, RunDirectory } from '../../training/index.ts';
import { compiledCli } from '../cli/compiled.ts';
import { fillDiskAt, restoreDisk } from '../support/fullDisk.ts';

const { runCli } = compiledCli();
const folder = mkdtempSync(join(tmpdir(), 'tapegrad-full-'));
afterAll(() => rmSync(folder, { recursive: true }));

const progressAt = (step: number): Progress => ({
  step,
  epoch: 0,
  batch: step,
  learningRate: 0.1,
  sums: { loss: 1, correct: 2, images: 3, seconds: 4 },
  rate: { warmUpErrors: null, plateau: null },
  optimizerSteps: step,
  random: {},
  best: null,
  history: [],
  metricsBytes: 0,
  images: 8,
  device: 'simd',
});

const checkpointAt = (step: number): Checkpoint => ({
  model: new Map([
    ['conv.weight', { shape: [2, 2], data: Float32Array.of(step, 2, 3, 4) }],
    ['bn.bias', { shape: [2], data: Float64Array.of(step, 1 / 3) }],
  ]),
  momentum: new Map([['conv.weight', { shape: [2, 2], data: Float32Array.of(0, step, 0, 0) }]]),
  progress: progressAt(step),
});

afterEach(restoreDisk);

describe('a checkpoint on a disk that is full', () => {
  it('fails with one sentence at each of its operations, and the older one stays', () => {
    const run = new RunDirectory(join(folder, 'run'));
    run.create({});
    run.save(checkpointAt(1), 3);
    let failures = 0;
    for (let at = 1; ; at++) {
      const operations = fillDiskAt(at);
      let error: unknown;
      try {
        run.save(checkpointAt(2), 3);
      } catch (thrown) {
        error = thrown;
      }
      const reached = operations() >= at;
      restoreDisk();
      const newest = run.newest();
      if (!reached) break;
      failures += 1;
      expect(error).toBeInstanceOf(FileError);
      expect(String(error)).toMatch(/^FileError: cannot write the checkpoint .*step-00000002: the disk is full; .*\(ENOSPC\)$/);
      const renamed = existsSync(run.checkpointAt(2)); // whole already: only the wait for the disk was missing
      expect(newest?.checkpoint).toEqual(checkpointAt(renamed ? 2 : 1));
      expect(newest?.damaged).toEqual([]);
      expect(readdirSync(join(run.path, 'checkpoints')).filter((name) => name.startsWith('.'))).toEqual([]);
      rmSync(run.checkpointAt(2), { recursive: true, force: true });
    }
    expect(failures).toBeGreaterThan(20);
    expect(run.newest()?.checkpoint).toEqual(checkpointAt(2));
  });

  it('that takes the place of the only one leaves it whole, or stands beside it', () => {
    const run = new RunDirectory(join(folder, 'replaced'));
    run.create({});
    run.save(checkpointAt(2), 1);
    for (let at = 1; ; at++) {
      const operations = fillDiskAt(at);
      try {
        run.save(checkpointAt(2), 1);
      } catch {
        // which error is the test above
      }
      const reached = operations() >= at;
      restoreDisk();
      const newest = run.newest();
      if (!reached) break;
      expect(newest?.checkpoint).toEqual(checkpointAt(2));
      run.removeLeftovers();
      expect(readdirSync(join(run.path, 'checkpoints'))).toEqual(['step-00000002']);
    }
  });
});

/** Mounting needs rights that a container or a user may not have. */
function mountSmall(directory: string, kilobytes: number): boolean {
  mkdirSync(directory, { recursive: true });
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', directory]).status === 0;
}

describe('a file system that is really full', () => {
  const disk = join(folder, 'disk');
  const mounted = process.platform === 'linux' && mountSmall(disk, 8192);
  afterAll(() => {
    if (mounted) spawnSync('umount', [disk]);
  });
  it.skipIf(!mounted)('ends the run with one sentence, and it goes on from the checkpoint before', async () => {
    const out = join(disk, 'run');
    const args = ['--device', 'simd', '--threads', '1', '--limit', '8', '--batch-size', '4', '--checkpoint-every', '1'];
    const { code, stderr } = await runCli(['train', ...args, '--steps', '20', '--keep', '20', '--out', out]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /error: cannot write .*: the disk is full; .*\(ENOSPC\); .* holds the run up to step \d+, and goes on with --resume\n$/,
    );
    const kept = readdirSync(join(out, 'checkpoints')).filter((name) => name.startsWith('step-'));
    expect(kept.length).toBeGreaterThan(1);
    expect(new RunDirectory(out).newest()?.damaged).toEqual([]);
    for (const name of kept.slice(0, -1)) rmSync(join(out, 'checkpoints', name), { recursive: true });
    const again = await runCli(['train', '--device', 'simd', '--threads', '1', '--keep', '1', '--resume', out]);
    expect(again.stderr).toContain(`going on from ${join(out, 'checkpoints', kept.at(-1)!)}`);
    expect(again.code).toBe(0);
  });
});
