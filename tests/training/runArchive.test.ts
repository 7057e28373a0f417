/** A run as one file: it reads as it was written, tar agrees with it, and what is wrong with a file is said in a sentence. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import ndarray from 'ndarray';
import { afterAll, describe, expect, it } from 'vitest';
import { randomFor } from '../../data/index.ts';
import { decodeSafetensors } from '../../models/index.ts';
import {
  type Checkpoint,
  decodeRun,
  encodeRun,
  MemoryMetrics,
  Metrics,
  type Progress,
  RunDirectory,
  resolveSettings,
  type SavedRun,
  writeCheckpoint,
} from '../../training/index.ts';
import { readTar, writeTar } from '../../training/tar.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapegrad-archive-'));
afterAll(() => rmSync(folder, { recursive: true }));

const metrics = new MemoryMetrics();
metrics.step({ step: 1, epoch: 1, learningRate: 0.1, loss: 2.5, error: 0.75, imagesPerSecond: 10 });
const progress: Progress = {
  step: 1,
  epoch: 0,
  batch: 1,
  learningRate: 0.1,
  sums: { loss: 2.5, correct: 1, images: 4, seconds: 1 },
  rate: { warmUpErrors: null, plateau: null },
  optimizerSteps: 1,
  random: {},
  best: null,
  history: [],
  metricsBytes: metrics.bytes,
  images: 8,
  device: 'simd',
};
const checkpoint: Checkpoint = {
  model: new Map([['conv.weight', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }]]),
  momentum: new Map([['conv.weight', { shape: [2, 3], data: Float32Array.of(6, 5, 4, 3, 2, 1) }]]),
  progress,
};
const settings = resolveSettings({ recipe: 'quick', model: 'cifar-resnet8', width: 8, shortcut: 'B', seed: 3, mean: 'channel' });
const saved: SavedRun = { settings, checkpoint, metrics: metrics.text, mean: [0.1, 0.2, 0.3] };
const archive = encodeRun({ ...saved, name: 'first' });

/** The archive with other files: undefined takes one away. */
function changed(changes: Readonly<Record<string, Uint8Array | undefined>>): Uint8Array {
  const files = readTar(archive, 'run.tar');
  for (const [path, bytes] of Object.entries(changes)) {
    if (bytes === undefined) files.delete(path);
    else files.set(path, bytes);
  }
  return writeTar(files);
}
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a run in one file', () => {
  it('reads as it was written', () => {
    expect(decodeRun(archive, 'run.tar')).toEqual({ ...saved, damaged: [] });
  });
  it('reads out of the middle of a buffer', () => {
    const buffer = new Uint8Array(archive.length + 3);
    buffer.set(archive, 3);
    expect(decodeRun(buffer.subarray(3), 'run.tar')).toEqual({ ...saved, damaged: [] });
  });
  it('holds the metrics as far as the checkpoint', () => {
    const more = `${saved.metrics}{"kind":"step","step":2`;
    expect(decodeRun(encodeRun({ ...saved, metrics: more, name: 'first' }), 'run.tar').metrics).toBe(saved.metrics);
    expect(() => encodeRun({ ...saved, metrics: '', name: 'first' })).toThrow(/metrics have 0 bytes/);
  });
  it.each(['', '.', '..', 'a/b', 'x'.repeat(80)])('cannot lie in a folder called %j', (name) => {
    expect(() => encodeRun({ ...saved, name })).toThrow(/name/);
  });

  it('is unpacked by tar to the directory that the command line leaves, and packed by it again', () => {
    writeFileSync(join(folder, 'run.tar'), archive);
    execFileSync('tar', ['xf', 'run.tar'], { cwd: folder });
    const run = new RunDirectory(join(folder, 'first'));
    expect(run.settings()).toEqual(settings);
    const found = run.newest()!;
    expect(found).toMatchObject({ checkpoint, damaged: [] });
    writeCheckpoint(join(folder, 'again'), checkpoint);
    for (const name of ['manifest.json', 'model.safetensors', 'momentum.safetensors', 'progress.json'])
      expect(readFileSync(join(found.directory, name))).toEqual(readFileSync(join(folder, 'again', name)));
    new Metrics(run.file('metrics.jsonl'), progress.metricsBytes).close();
    const deep = 'd'.repeat(60);
    mkdirSync(join(folder, deep));
    execFileSync('mv', ['first', deep], { cwd: folder });
    for (const format of ['gnu', 'pax', 'ustar'])
      for (const [from, what] of [
        ['.', `${deep}/first`],
        [deep, 'first'],
        [`${deep}/first`, '.'],
      ] as const) {
        execFileSync('tar', ['cf', join(folder, 'packed.tar'), `--format=${format}`, '-C', from, what], { cwd: folder });
        expect(decodeRun(readFileSync(join(folder, 'packed.tar')), 'packed.tar')).toEqual({ ...saved, damaged: [] });
      }
  });

  it('holds the mean to the last bit, whichever it is', () => {
    const picture = ndarray(
      Float32Array.from({ length: 12 }, (_, k) => k / 7),
      [3, 2, 2],
    );
    const loaded = decodeRun(
      encodeRun({ ...saved, settings: { ...settings, mean: 'pixel' }, mean: picture, name: 'first' }),
      'run.tar',
    );
    expect(loaded.mean).toEqual(picture);
    const given = { ...settings, mean: [0.1, 0.2, 0.7] };
    expect(decodeRun(encodeRun({ ...saved, settings: given, mean: given.mean, name: 'first' }), 'run.tar').mean).toEqual(
      given.mean,
    );
  });
  it('holds the best checkpoint too, and does without it', () => {
    const step = 12;
    const newest = { ...checkpoint, progress: { ...progress, step, best: { step: 1, error: 0.5 } } };
    const both = encodeRun({ ...saved, checkpoint: newest, best: checkpoint, name: 'first' });
    expect(decodeRun(both, 'run.tar')).toEqual({ ...saved, checkpoint: newest, best: checkpoint, damaged: [] });
    const alone = encodeRun({ ...saved, checkpoint: newest, name: 'first' });
    expect(decodeRun(alone, 'run.tar')).toEqual({ ...saved, checkpoint: newest, damaged: [] });
  });
  it('holds the weights at the end, as PyTorch reads them', () => {
    expect(decodeSafetensors(readTar(archive, 'run.tar').get('first/model.safetensors')!)).toEqual(checkpoint.model);
  });

  it('goes on from the newest checkpoint that is whole', () => {
    const damaged = changed({ 'first/checkpoints/step-00000002/manifest.json': bytesOf('{}') });
    const loaded = decodeRun(damaged, 'run.tar');
    expect(loaded.checkpoint).toEqual(checkpoint);
    expect(loaded.damaged).toEqual([expect.stringContaining('run.tar/first/checkpoints/step-00000002')]);
  });

  const at = (name: string): string => `first/checkpoints/step-00000001/${name}`;
  it.each([
    ['nothing', new Uint8Array(), /not a tar/],
    ['a text', bytesOf('settings\n'.repeat(200)), /not a tar/],
    ['packed', new Uint8Array(gzipSync(archive)), /gunzip/],
    ['an empty tar', writeTar(new Map()), /settings\.json/],
    ['without settings', changed({ 'first/settings.json': undefined }), /holds no settings\.json/],
    ['with other settings', changed({ 'first/settings.json': bytesOf('{"model":"x"}') }), /first\/settings\.json/],
    ['with two runs', changed({ 'second/settings.json': bytesOf('{}') }), /2 runs/],
    ['without metrics', changed({ 'first/metrics.jsonl': undefined }), /no first\/metrics\.jsonl/],
    ['with metrics cut off', changed({ 'first/metrics.jsonl': bytesOf('{}\n') }), /has 3 bytes, but/],
    ['with other metrics', changed({ 'first/metrics.jsonl': bytesOf('{"kind":1}\n'.repeat(30)) }), /line 1/],
    ['without a mean', changed({ 'first/mean.safetensors': undefined }), /no first\/mean\.safetensors/],
    ['with another mean', changed({ 'first/mean.safetensors': bytesOf('mean') }), /first\/mean\.safetensors/],
    ['without its manifest', changed({ [at('manifest.json')]: undefined }), /no manifest\.json/],
    ['without weights', changed({ [at('model.safetensors')]: undefined }), /no model\.safetensors/],
    ['with other progress', changed({ [at('progress.json')]: bytesOf('{}') }), /progress\.json has 2 bytes/],
    ['with a path that leads out', changed({ '../settings.json': bytesOf('{}') }), /leads out/],
  ])('%s is refused', (_, bytes, sentence) => {
    expect(() => decodeRun(bytes, 'run.tar')).toThrow(sentence);
    expect(() => decodeRun(bytes, 'run.tar')).toThrow(/^[^\n]*run\.tar[^\n]*$/);
  });
  it('without a checkpoint is refused', () => {
    const names = ['manifest.json', 'model.safetensors', 'momentum.safetensors', 'progress.json'];
    const bytes = changed(Object.fromEntries(names.map((name) => [at(name), undefined])));
    expect(() => decodeRun(bytes, 'run.tar')).toThrow(/no checkpoint/);
  });
});

describe('a header of which one bit is another', () => {
  const second = Buffer.from(archive).indexOf('first/metrics.jsonl');
  it.each([
    [0, /^run\.tar is not a tar archive$/],
    [second, new RegExp(`^run\\.tar has no header of a file at byte ${second}; the archive is damaged$`)],
  ])('at byte %d is refused', (start, sentence) => {
    for (let k = 0; k < 512; k++) {
      if (k >= 148 && k < 156) continue; // the sum, whose last bytes carry nothing
      const bytes = archive.slice();
      bytes[start + k]! ^= 1;
      expect(() => readTar(bytes, 'run.tar')).toThrow(sentence);
    }
  });
});

describe('a file that was changed', () => {
  /** What it holds, or undefined where it was refused in a sentence. */
  function attempt(bytes: Uint8Array): ReturnType<typeof decodeRun> | undefined {
    try {
      return decodeRun(bytes, 'run.tar');
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'FileError') throw error;
      expect(error.message).toMatch(/^[^\n]*run\.tar[^\n]*$/);
      return undefined;
    }
  }
  it('is refused where it is cut off, wherever', () => {
    const end = Buffer.from(archive).lastIndexOf('}');
    for (let k = 0; k < 300; k++) expect(attempt(archive.subarray(0, randomFor(11, k).integer(end)))).toBeUndefined();
  });
  it('gives the checkpoint as it was written or a sentence, whichever bit is another', () => {
    const header = (path: string): number => Buffer.from(archive).indexOf(path);
    const unsummed = ['settings.json', 'metrics.jsonl', 'mean.safetensors', 'model.safetensors'].map((name) =>
      header(`first/${name}`),
    );
    const isUnsummed = (place: number): boolean =>
      place < header('first/checkpoints') && !unsummed.some((start) => place >= start && place < start + 512);
    let refused = 0;
    for (let k = 0; k < 1000; k++) {
      const random = randomFor(12, k);
      const bytes = archive.slice();
      const place = random.integer(bytes.length);
      bytes[place]! ^= 1 << random.integer(8);
      const loaded = attempt(bytes);
      refused += loaded === undefined ? 1 : 0;
      // Settings, metrics, mean and the weights at the end have no sums of their own; what is not a number or a name in them is found by its form.
      if (loaded !== undefined && isUnsummed(place)) expect(loaded.checkpoint).toEqual(checkpoint);
      else if (loaded !== undefined) expect(loaded).toEqual({ ...saved, damaged: [] });
    }
    expect(refused).toBeGreaterThan(100);
  });
});
