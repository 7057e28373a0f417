/**
 * Files of a run that a disk, a hand or another program has changed: each ends in one sentence that names the file, none in another kind
 * of error, and a checkpoint that reads at all reads as it was written.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { randomFor } from '../../data/index.ts';
import {
  type Checkpoint,
  type Progress,
  RunDirectory,
  readCheckpoint,
  readMetrics,
  writeCheckpoint,
} from '../../training/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapegrad-malformed-'));
afterAll(() => rmSync(folder, { recursive: true }));

const progress: Progress = {
  step: 7,
  epoch: 1,
  batch: 2,
  learningRate: 0.1,
  sums: { loss: 1.5, correct: 2, images: 8, seconds: 4 },
  rate: { warmUpErrors: [0.5, 0.25], plateau: { learningRate: 0.1, best: 0.5, waited: 1 } },
  optimizerSteps: 7,
  random: { dropout: [1, 2, 3, 4] },
  best: { step: 5, error: 0.5 },
  history: [
    {
      epoch: 1,
      step: 5,
      learningRate: 0.1,
      trainLoss: 2,
      trainError: 0.9,
      heldOut: { split: 'test', loss: 2, error: 0.5 },
      seconds: 1,
      imagesPerSecond: 2,
    },
  ],
  metricsBytes: 100,
  images: 8,
  device: 'simd',
};
const checkpoint: Checkpoint = {
  model: new Map([['conv.weight', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }]]),
  momentum: new Map([['conv.weight', { shape: [2, 3], data: Float32Array.of(6, 5, 4, 3, 2, 1) }]]),
  progress,
};
const FILES = ['manifest.json', 'model.safetensors', 'momentum.safetensors', 'progress.json'] as const;

const directory = join(folder, 'step-00000007');
beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  writeCheckpoint(directory, checkpoint);
});

/** The sentence of a read that failed, or undefined where it gave what was written. */
function sentence(read: () => unknown): string | undefined {
  try {
    expect(read()).toEqual(checkpoint);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || !['FileError', 'WeightsError'].includes(error.name)) throw error;
    expect(error.message).not.toContain('\n');
    return error.message;
  }
}

describe('a checkpoint', () => {
  it('reads as it was written', () => {
    expect(sentence(() => readCheckpoint(directory))).toBeUndefined();
  });

  const size = (name: string): number => readFileSync(join(directory, name)).length;
  it.each(FILES.flatMap((name) => [0, 0.01, 0.3, 0.7, 0.99].map((share) => [name, share] as const)))(
    '%s cut at %d',
    (name, share) => {
      truncateSync(join(directory, name), Math.floor(size(name) * share));
      expect(sentence(() => readCheckpoint(directory))).toContain(directory);
    },
  );
  it.each(FILES.flatMap((name) => Array.from({ length: 12 }, (_, k) => [name, k] as const)))('%s with bit flip %d', (name, k) => {
    const bytes = readFileSync(join(directory, name));
    const random = randomFor(91, k);
    const at = random.integer(bytes.length);
    bytes[at]! ^= 1 << random.integer(8);
    writeFileSync(join(directory, name), bytes);
    const said = sentence(() => readCheckpoint(directory));
    // Blanks in the manifest carry nothing; every other byte of the checkpoint does.
    if (said === undefined) expect([name, String.fromCharCode(bytes[at]!).trim().length <= 1]).toEqual(['manifest.json', true]);
    else expect(said).toContain(directory);
  });
  it.each(FILES)('%s missing', (name) => {
    rmSync(join(directory, name));
    expect(sentence(() => readCheckpoint(directory))).toContain(directory);
  });
  it.each(FILES)('%s is a directory', (name) => {
    rmSync(join(directory, name));
    mkdirSync(join(directory, name));
    expect(sentence(() => readCheckpoint(directory))).toContain(directory);
  });
  it.each(FILES)('%s leads nowhere', (name) => {
    rmSync(join(directory, name));
    symlinkSync('/nowhere', join(directory, name));
    expect(sentence(() => readCheckpoint(directory))).toContain(directory);
  });

  const manifest = (change: (value: Record<string, unknown>) => unknown): void => {
    const file = join(directory, 'manifest.json');
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))));
  };
  it.each([
    ['an array', () => []],
    ['a number', () => 5],
    ['null', () => null],
    ['of another program', (value: object) => ({ ...value, format: 'other' })],
    ['of a later version', (value: object) => ({ ...value, version: 2 })],
    ['without files', ({ format, version }: Record<string, unknown>) => ({ format, version })],
    ['with a list of files', (value: object) => ({ ...value, files: ['model.safetensors'] })],
    ['with a file that is null', (value: object) => ({ ...value, files: { 'model.safetensors': null } })],
    ['with huge sizes', (value: object) => ({ ...value, files: { 'model.safetensors': { bytes: 1e300, sha256: '' } } })],
    ['of 100 KB', (value: object) => ({ ...value, more: 'x'.repeat(100_000) })],
  ])('a manifest that is %s', (_, change) => {
    manifest(change);
    expect(sentence(() => readCheckpoint(directory))).toContain(directory);
  });
});

describe('progress that its sum vouches for, but that no run wrote', () => {
  it.each([
    ['a step of -1', { step: -1 }],
    ['a step of 1.5', { step: 1.5 }],
    ['a step of 1e300', { step: 1e300 }],
    ['a step in words', { step: 'seven' }],
    ['no sums', { sums: undefined }],
    ['sums with a hole', { sums: { loss: null, correct: 1, images: 1, seconds: 1 } }],
    ['a rate of another kind', { rate: { warmUpErrors: 'none', plateau: null } }],
    ['a plateau without a rate', { rate: { warmUpErrors: null, plateau: { best: 1, waited: 0 } } }],
    ['random states that are words', { random: { dropout: ['a'] } }],
    ['random states in a list', { random: [[1, 2]] }],
    ['a best without a step', { best: { error: 1 } }],
    ['a history of numbers', { history: [1, 2] }],
    ['a history that is an object', { history: {} }],
    ['an unknown split', { history: [{ ...progress.history[0], heldOut: { split: 'secret', loss: 1, error: 1 } }] }],
    ['no device', { device: undefined }],
    ['metrics of a negative length', { metricsBytes: -5 }],
  ])('%s', (_, change) => {
    const wrong = { ...progress, ...change } as Progress;
    writeCheckpoint(directory, { ...checkpoint, progress: wrong });
    expect(sentence(() => readCheckpoint(directory))).toMatch(/progress\.json does not hold the progress of a run/);
  });
});

describe('settings.json', () => {
  const run = new RunDirectory(join(folder, 'run'));
  const write = (text: string): void => {
    mkdirSync(run.path, { recursive: true });
    writeFileSync(run.file('settings.json'), text);
  };
  const good = (): Record<string, unknown> => JSON.parse(readFileSync(join(__dirname, '../support/settings.json'), 'utf8'));
  it('that a run wrote is read, also without the shortcuts and the width that older ones had not', () => {
    write(JSON.stringify(good()));
    expect(run.settings()).toMatchObject({ model: 'resnet20', shortcut: null, width: null, rate: { schedule: 'cosine' } });
    write(JSON.stringify({ ...good(), model: 'cifar-resnet26', shortcut: 'C', width: 8 }));
    expect(run.settings()).toMatchObject({ model: 'cifar-resnet26', shortcut: 'C', width: 8 });
  });
  it.each([
    ['nothing', ''],
    ['half of it', '{"format":"tapegrad run","ver'],
    ['a list', '[]'],
    ['a word', '"settings"'],
    ['2 MB of blanks', ' '.repeat(2_000_000)],
    ['bytes that are no text', '\u0000\ufffd\ufffd'],
  ])('%s', (_, text) => {
    write(text);
    expect(() => run.settings()).toThrow(run.path);
  });
  it.each([
    ['format', 'other'],
    ['version', 7],
    ['model', 'resnet21'],
    ['model', '__proto__'],
    ['model', 'cifar-resnet9'],
    ['shortcut', 'D'],
    ['shortcut', 'none'],
    ['width', 0],
    ['width', 2.5],
    ['dataset', 'svhn'],
    ['batchSize', '32'],
    ['batchSize', null],
    ['epochs', undefined],
    ['rate', null],
    ['rate', { schedule: 'cosine' }],
    ['rate', []],
    ['std', [1, 2]],
    ['std', [1, 0, 1]],
    ['mean', 'median'],
    ['mean', [1, 'x', 2]],
    ['recipe', 'cake'],
    ['limit', 'all'],
    ['data', 5],
    ['accumulate', 7],
    ['augment', 5],
  ])('%s is %j', (name, value) => {
    write(JSON.stringify({ ...good(), [name]: value }));
    expect(() => run.settings()).toThrow(/settings\.json|--std|--accumulate|--augment/);
  });
});

describe('metrics.jsonl', () => {
  const file = join(folder, 'metrics.jsonl');
  const step = JSON.stringify({ kind: 'step', step: 1, epoch: 1, learningRate: 1, loss: 2, error: 1, imagesPerSecond: 1 });
  const epoch = JSON.stringify({ kind: 'epoch', ...progress.history[0] });
  it('whose last line is unfinished is read without it', () => {
    writeFileSync(file, `${step}\n${epoch}\n${step.slice(0, 20)}`);
    expect(readMetrics(file)).toMatchObject({ epochs: progress.history, steps: [{ step: 1, loss: 2 }] });
  });
  it.each([
    ['a line of another kind', `${step}\n{"kind":"other"}\n`],
    ['an epoch without errors', `${step}\n{"kind":"epoch","epoch":1}\n`],
    ['a step without a loss', '{"kind":"step","step":1}\n'],
    ['a broken line in the middle', `${step.slice(0, 20)}\n${step}\n`],
    ['a list', '[1,2]\n'],
    ['a word', 'step\n'],
    ['no text', '\u0000\u0001\u0002\n'],
  ])('%s', (_, text) => {
    writeFileSync(file, text);
    expect(() => readMetrics(file)).toThrow(new RegExp(`^${file.replaceAll('.', '\\.')} has a line \\d`));
  });
  it('missing', () => {
    expect(() => readMetrics(join(folder, 'none.jsonl'))).toThrow('none.jsonl: no such file or directory (ENOENT)');
  });
});
