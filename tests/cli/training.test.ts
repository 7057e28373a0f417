/** A run from outside: its files, its recipe, Ctrl-C and going on, what it refuses, and the pictures and evaluations made of it. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiledCli } from './compiled.ts';
import { type Finished, runSources } from './run.ts';

const { runCli } = compiledCli();
const folder = mkdtempSync(join(tmpdir(), 'tapegrad-training-'));
afterAll(() => rmSync(folder, { recursive: true }));

const RUNNING = ['--device', 'simd', '--threads', '1'];
const SETTINGS = [
  '--limit',
  '24',
  '--validation',
  '4',
  '--batch-size',
  '4',
  '--epochs',
  '2',
  '--augment',
  'cifar',
  '--mean',
  'pixel',
];
const whole = join(folder, 'whole');
let first: Finished;
beforeAll(async () => {
  first = await runCli(['train', ...RUNNING, ...SETTINGS, '--out', whole, '--json']);
});

const lines = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const withoutTimes = (text: string): string => text.replace(/"(seconds|imagesPerSecond)": ?[\d.e+-]+/g, '"$1":0');

describe('train --out', () => {
  it('says its settings, a line for each epoch, and writes settings, metrics, curves, checkpoints and weights', () => {
    expect(first.code).toBe(0);
    expect(first.stderr).toMatch(/^ {2}batchSize +4$/m);
    expect(
      first.stderr.match(/^epoch \d \(\d+ steps\) {2}training loss [\d.]+, error [\d.]+ % {2}validation loss/gm),
    ).toHaveLength(2);
    expect(readdirSync(whole).sort()).toEqual([
      'checkpoints',
      'curves.svg',
      'mean.safetensors',
      'metrics.jsonl',
      'model.safetensors',
      'settings.json',
    ]);
    expect(readdirSync(join(whole, 'checkpoints'))).toEqual(['step-00000005', 'step-00000010']);
    expect(JSON.parse(readFileSync(join(whole, 'settings.json'), 'utf8'))).toMatchObject({
      model: 'resnet20',
      batchSize: 4,
      mean: 'pixel',
    });
    const metrics = lines(join(whole, 'metrics.jsonl'));
    expect(metrics.map(({ kind }) => kind).join(' ')).toBe(`${'step '.repeat(5)}epoch ${'step '.repeat(5)}epoch`);
    const result = JSON.parse(first.stdout.trim().split('\n').at(-1)!);
    expect(result.losses).toEqual(metrics.filter(({ kind }) => kind === 'step').map(({ loss }) => loss));
    expect(result).toMatchObject({ steps: 10, epochs: 2 });
  });
  it('draws both errors of each epoch', () => {
    const svg = readFileSync(join(whole, 'curves.svg'), 'utf8');
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain('thin: training error, bold: validation error');
    expect(svg).toContain('>whole<');
  });
  it('does not write over a run', async () => {
    const { code, stderr } = await runCli(['train', ...RUNNING, ...SETTINGS, '--out', whole]);
    expect([code, stderr.split('\n').at(-2)]).toEqual([
      1,
      `error: ${whole} holds a run already; go on with it by --resume ${whole}, or choose another --out`,
    ]);
  });
});

describe('Ctrl-C and --resume', () => {
  it('in the middle of an epoch, twice, on another number of threads: the bits of a run that nobody disturbed', async () => {
    const out = join(folder, 'interrupted');
    const press = (when: string) => {
      let pressed = false;
      return (printed: string, child: { kill(signal: 'SIGINT'): boolean }) => {
        if (pressed || !printed.includes(when)) return;
        pressed = true;
        child.kill('SIGINT');
      };
    };
    const one = await runSources(['train', ...RUNNING, ...SETTINGS, '--out', out], press('epoch 1 1/5'));
    expect(one.code).toBe(130);
    expect(one.stderr).toContain(`go on with: npm run cli -- train --resume ${out}`);
    const two = await runCli(['train', ...RUNNING, '--threads', '2', '--resume', out], press('epoch 2 1/5'));
    expect(two.stderr).toMatch(/going on from .*step-0000000\d/);
    const three = await runCli(['train', ...RUNNING, '--resume', out, '--json']);
    expect(three.code).toBe(0);
    for (const name of ['model.safetensors', 'checkpoints/step-00000010/momentum.safetensors'])
      expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
    expect(withoutTimes(readFileSync(join(out, 'metrics.jsonl'), 'utf8'))).toBe(
      withoutTimes(readFileSync(join(whole, 'metrics.jsonl'), 'utf8')),
    );
    expect(JSON.parse(three.stdout.trim().split('\n').at(-1)!).losses).toEqual(
      JSON.parse(first.stdout.trim().split('\n').at(-1)!).losses,
    );
  });
  it('passes over a checkpoint that is damaged, with a sentence, and uses the one before', async () => {
    const damaged = join(folder, 'damaged');
    cpSync(whole, damaged, { recursive: true });
    truncateSync(join(damaged, 'checkpoints/step-00000010/model.safetensors'), 1000);
    const { code, stderr } = await runCli(['train', ...RUNNING, '--resume', damaged]);
    expect(stderr).toMatch(
      /^passed over: .*step-00000010.model\.safetensors has 1000 bytes, but \d+ were written; it is damaged$/m,
    );
    expect(stderr).toMatch(/^going on from .*step-00000005$/m);
    expect(code).toBe(0);
    expect(readFileSync(join(damaged, 'model.safetensors')).equals(readFileSync(join(whole, 'model.safetensors')))).toBe(true);
  });
  it.each([
    [['--batch-size', '8'], '--batch-size 8 was given, but the run began with 4; leave it out'],
    [
      ['--epochs', '9'],
      'the learning rate of this run depends on its length (2 epochs), so --epochs and --steps cannot change now',
    ],
  ])('refuses %j', async (options, sentence) => {
    const { code, stderr } = await runCli(['train', ...RUNNING, '--resume', whole, ...options]);
    expect(stderr).toContain(`error: ${sentence}`);
    expect(code).toBe(1);
  });
});

describe('a loss that is not finite', () => {
  it('ends the run, names the layer, and leaves the last good checkpoint', async () => {
    const out = join(folder, 'diverged');
    const wild = ['--learning-rate', '1e12', '--schedule', 'constant', '--warm-up', '0', '--checkpoint-every', '1'];
    const { code, stderr } = await runCli(['train', ...RUNNING, ...SETTINGS, ...wild, '--out', out]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /error: (the loss of step \d+ is (NaN|-?Infinity); the (first layer whose batch statistics are not finite is \S+|statistics of all batch norms are finite, so it arose behind the last of them)|\S+ holds NaN or infinity after step \d+)/,
    );
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(readdirSync(join(out, 'checkpoints')).every((name) => name.startsWith('step-'))).toBe(true);
  });
});

describe('evaluate --checkpoint', () => {
  it('takes the run’s own settings, alone and together with another checkpoint of it', async () => {
    const one = await runCli(['evaluate', ...RUNNING, '--checkpoint', whole, '--limit', '20', '--json', '--confusion']);
    expect(one.code).toBe(0);
    const alone = JSON.parse(one.stdout);
    expect([alone.count, alone.models, alone.confusion.flat().reduce((a: number, b: number) => a + b)]).toEqual([20, 1, 20]);
    const both = await runCli([
      'evaluate',
      ...RUNNING,
      '--checkpoint',
      whole,
      join(whole, 'checkpoints/step-00000005'),
      '--limit',
      '20',
      '--json',
    ]);
    const together = JSON.parse(both.stdout);
    expect([together.count, together.models]).toEqual([20, 2]);
    expect(together.loss).not.toBe(alone.loss);
  });
  it('refuses runs that see other pixels', async () => {
    const other = join(folder, 'other');
    cpSync(whole, other, { recursive: true });
    const settings = JSON.parse(readFileSync(join(other, 'settings.json'), 'utf8'));
    writeFileSync(join(other, 'settings.json'), JSON.stringify({ ...settings, std: [1, 2, 3] }));
    const { code, stderr } = await runCli(['evaluate', ...RUNNING, '--checkpoint', whole, other]);
    expect(stderr).toContain('error: the runs given differ in data set, size, --mean or --std');
    expect(code).toBe(1);
  });
});

describe('plot', () => {
  it('lays runs over each other', async () => {
    const to = join(folder, 'both.svg');
    const { code, stdout } = await runCli(['plot', whole, join(folder, 'damaged'), '--to', to]);
    expect([code, stdout]).toEqual([0, `${to} shows ${whole}, ${join(folder, 'damaged')}\n`]);
    expect(readFileSync(to, 'utf8').match(/<path /g)?.length).toBeGreaterThanOrEqual(4);
  });
  it.each([
    [['/nowhere'], 'the directory /nowhere does not exist; give one that train --out wrote'],
    [[whole, '--to', 'x.png'], '--to x.png was given, but the picture is an SVG file; give a name that ends in .svg'],
  ])('%j', async (args, sentence) => {
    const { code, stderr } = await runCli(['plot', ...args]);
    expect([code, stderr]).toEqual([1, `error: ${sentence}\n`]);
  });
});
