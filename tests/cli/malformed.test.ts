/** Words that no command understands, and files that are not what they should be: one sentence on the error stream, exit code 1 or 2. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../cli/program.ts';
import { randomFor } from '../../data/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapegrad-words-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** What the command prints on the error stream, and its exit code. */
async function run(words: readonly string[]): Promise<{ code: number | undefined; said: string }> {
  let said = '';
  vi.spyOn(console, 'error').mockImplementation((line) => {
    said += `${String(line)}\n`;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const code = await runCommandLine(words);
  expect(printed).not.toHaveBeenCalled();
  return { code, said };
}

const errors = (said: string): string[] => said.split('\n').filter((line) => line.startsWith('error: '));

describe('options', () => {
  it.each([
    ['train --epochs'],
    ['train --epochs 0'],
    ['train --epochs 1.5'],
    ['train --epochs -3'],
    ['train --epochs 1e999'],
    ['train --epochs NaN'],
    ['train --batch-size 99999999999999999999'],
    ['train --learning-rate Infinity'],
    ['train --learning-rate 0x'],
    ['train --milestones 1,,2'],
    ['train --milestones a,b'],
    ['train --mean median'],
    ['train --mean 1,2,3,4'],
    ['train --std 1,2'],
    ['train --label-smoothing 2'],
    ['train --warm-up 5'],
    ['train --schedule cosinus'],
    ['train --recipe cake'],
    ['train --dataset svhn'],
    ['train --model resnet21'],
    ['train --device gpu'],
    ['train --threads 0'],
    ['train --keep 0'],
    ['train --resume a --out b'],
    ['train --resume a --recipe quick'],
    ['evaluate --views eleven-crop'],
    ['evaluate --scales 0'],
    ['evaluate --which worst'],
    ['evaluate --split validation'],
    ['export'],
    ['export --to a.onnx --batch-norm melted'],
    ['data'],
    ['data svhn --to x'],
    ['data cifar10'],
    ['data cifar10 --to x --md5 abc'],
    ['plot'],
    ['summary --model'],
    ['summary --batch-size many'],
    ['models --jsn'],
    ['trian'],
    ['--verison'],
  ])('%s', async (line) => {
    const { code, said } = await run(line.split(' '));
    expect(code).toBe(2);
    expect(errors(said), said).toHaveLength(1);
  });
});

describe('values and files', () => {
  const text = join(folder, 'text');
  const directory = join(folder, 'directory');
  const pipe = join(folder, 'pipe');
  writeFileSync(text, 'not what you look for\n'.repeat(20));
  mkdirSync(directory);
  execFileSync('mkfifo', [pipe]);
  it.each([
    ['train --accumulate 3'],
    ['train --std 0,1,1'],
    ['train --schedule steps'],
    ['train --augment imagenet'],
    ['train --validation 1600'],
    ['train --dataset cifar10'],
    ['train --dataset imagefolder'],
    [`train --dataset imagefolder --data ${directory}`],
    [`train --dataset imagefolder --data ${text}`],
    [`train --dataset cifar10 --data ${text}`],
    [`train --dataset cifar100 --data ${directory}`],
    [`train --weights ${text}`],
    [`train --weights ${directory}`],
    [`train --weights ${pipe}`],
    ['train --weights /dev/zero'],
    [`train --out ${text}`],
    [`train --out ${text}/run`],
    ['train --out /proc/sys/run'],
    [`train --resume ${directory}`],
    [`train --resume ${text}`],
    ['evaluate'],
    [`evaluate --weights ${text}`],
    [`evaluate --weights ${pipe}`],
    [`evaluate --checkpoint ${directory}`],
    [`evaluate --weights ${text} --mean pixel`],
    [`export --weights ${text} --model resnet20 --to ${folder}/a.onnx`],
    [`export --weights ${text} --model resnet20 --to ${folder}/a.pt`],
    [`export --checkpoint ${directory} --to ${folder}/a.onnx`],
    [`data cifar10 --to ${directory} --from ${text}`],
    [`data cifar10 --to ${directory} --from ${pipe}`],
    [`data cifar10 --to ${directory} --from ftp://nowhere/file`],
    [`plot ${directory}`],
    [`plot ${text}`],
    [`plot ${directory} --to x.png`],
  ])('%s', { timeout: 20_000 }, async (line) => {
    const { code, said } = await run(line.split(' '));
    expect(code, said).toBe(1);
    expect(errors(said), said).toHaveLength(1);
    expect(said).not.toMatch(/\n {4}at /);
  });
});

describe('CIFAR files', () => {
  const RECORD = 3073;
  const whole = (): Uint8Array =>
    Uint8Array.from({ length: 4 * RECORD }, (_, k) => (k % RECORD === 0 ? (k / RECORD) % 10 : k % 256));
  const cases: [string, Uint8Array][] = [
    ['empty', new Uint8Array(0)],
    ['one byte', Uint8Array.of(3)],
    ['CIFAR-100’s records', new Uint8Array(4 * 3074)],
    ...Array.from({ length: 8 }, (_, k): [string, Uint8Array] => [
      `cut ${k}`,
      whole().slice(0, randomFor(5, k).integer(4 * RECORD - 1) + 1),
    ]),
    ...Array.from({ length: 8 }, (_, k): [string, Uint8Array] => {
      const bytes = whole();
      bytes[randomFor(6, k).integer(4) * RECORD] = 10 + randomFor(7, k).integer(246);
      return [`label ${k}`, bytes];
    }),
  ];
  it.each(cases)('%s', async (name, bytes) => {
    const directory = join(folder, `cifar ${name}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'data_batch_1.bin'), bytes);
    const { code, said } = await run(['train', '--dataset', 'cifar10', '--data', directory]);
    expect([code, errors(said).length], said).toEqual([1, 1]);
    expect(errors(said)[0]).toContain('data_batch_1.bin');
  });
});
