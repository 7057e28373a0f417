/** The command line from outside: what it prints, its exit codes, its sentences for mistakes, Ctrl-C. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openedDevices } from '../support/devices.ts';
import { compiledCli } from './compiled.ts';
import { ROOT, runSources } from './run.ts';

const { runCli } = compiledCli();
const folder = mkdtempSync(join(tmpdir(), 'tapegrad-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A run of seconds. */
const TINY = ['--limit', '8', '--batch-size', '4', '--device', 'simd', '--threads', '1'];

const lastLine = (text: string): string => text.trim().split('\n').at(-1)!;

describe('train', () => {
  it('prints one JSON object as its last line, and writes weights that evaluate takes', async () => {
    const out = join(folder, 'run');
    const { code, stdout } = await runCli(['train', ...TINY, '--steps', '3', '--json', '--out', out]);
    expect(code).toBe(0);
    const result = JSON.parse(lastLine(stdout));
    expect(result).toMatchObject({ steps: 3, epochs: 2, device: 'simd', threads: 1, model: 'resnet20' });
    expect(result.losses).toHaveLength(3);
    expect(result.top1).toBeLessThanOrEqual(1);
    expect(Object.keys(result)).toEqual(expect.arrayContaining(['loss', 'top5', 'imagesPerSecond', 'seconds']));

    const again = await runCli(['evaluate', ...TINY, '--checkpoint', out, '--json']);
    expect(again.code).toBe(0);
    const evaluation = JSON.parse(lastLine(again.stdout));
    expect(evaluation.count).toBe(8);
    expect(evaluation.loss).toBeCloseTo(result.loss, 4);
  });

  it('has the same losses for the same seed, and others for another', async () => {
    const losses = async (seed: string): Promise<number[]> =>
      JSON.parse(lastLine((await runCli(['train', ...TINY, '--steps', '2', '--json', '--seed', seed])).stdout)).losses;
    const first = await losses('1');
    expect(await losses('1')).toEqual(first);
    expect(await losses('2')).not.toEqual(first);
  });
});

describe('a mistake ends with one sentence', () => {
  const wrong = join(folder, 'wrong.safetensors');
  writeFileSync(wrong, 'not a header');
  it.each([
    [['train', '--modle', 'resnet20'], 2, "unknown option '--modle'"],
    [['train', '--model', 'resnet21'], 2, "'resnet21' is invalid"],
    [['train', '--steps', '0'], 2, 'whole number of at least 1'],
    [['train', '--learning-rate', 'fast'], 2, 'a number of at least 0'],
    [['train', '--device', 'quantum'], 2, "'quantum' is invalid"],
    [['train', '--mean', '1,2'], 2, 'three numbers'],
    [['trian'], 2, "unknown command 'trian'"],
    [['train', '--dataset', 'cifar10'], 1, '--data DIR'],
    [['train', '--dataset', 'cifar10', '--data', '/nowhere'], 1, '/nowhere'],
    [['train', '--std', '1,0,1'], 1, '--std holds a 0'],
    [['evaluate'], 1, '--weights FILE or --checkpoint DIR'],
    [['evaluate', '--weights', 'a', '--checkpoint', 'b'], 2, 'cannot be used with'],
    [['evaluate', '--weights', '/nowhere.safetensors'], 1, '/nowhere.safetensors'],
    [['evaluate', '--weights', wrong], 1, 'wrong.safetensors'],
  ])('%j', async (args, code, sentence) => {
    const result = await runCli(args);
    expect(result.stderr).toContain(sentence);
    expect(result.code).toBe(code);
    expect(result.stderr).not.toMatch(/\n {4}at /);
    expect(result.stdout).toBe('');
  });
});

describe('a step that does not fit into memory', () => {
  it('is refused before it starts, with the batch size that fits', async () => {
    const args = ['train', '--device', 'simd', '--model', 'resnet56', '--batch-size', '1600', '--steps', '1'];
    const { code, stderr, stdout } = await runCli(args);
    expect(stderr).toMatch(/error: simd: this plan needs [4-9]\.\d\d GiB, .* holds [\d.]+ GiB; --batch-size \d+ fits/);
    expect(Number(/--batch-size (\d+) fits/.exec(stderr)![1])).toBeGreaterThan(400);
    expect([code, stdout]).toEqual([1, '']);
  });
});

it('says its version', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(await runSources(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

describe('models', () => {
  it('lists every network beside the paper', async () => {
    const { code, stdout } = await runCli(['models']);
    expect(code).toBe(0);
    for (const name of ['resnet18', 'resnet152', 'plain34', 'resnet1202', 'plain110']) expect(stdout).toContain(name);
  });
});

describe('summary', () => {
  it('lists the layers with their shapes, parameters, multiply-adds and memory', async () => {
    const { code, stdout } = await runCli(['summary', '--model', 'resnet20', '--batch-size', '2']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^module +output +parameters +multiply-adds +activations$/m);
    expect(stdout).toMatch(/^layer1\.0\.conv1 +\[2, 16, 32, 32\] +2,304 +4,718,592 +128\.0 KiB$/m);
    expect(stdout).toMatch(/^total +269,722 /m);
    const json = JSON.parse((await runCli(['summary', '--json'])).stdout);
    expect([json.model, json.parameters, json.inputShape]).toEqual(['resnet20', 269_722, [1, 3, 32, 32]]);
  });
});

describe('Ctrl-C ends training after the step', () => {
  /** A network that software adapters compile quickly, too. */
  const small = ['train', '--model', 'cifar-resnet8', '--width', '4', '--limit', '8', '--batch-size', '2', '--steps', '1000'];
  const devices = ['reference', ...openedDevices.flatMap(({ name, device }) => (device === undefined ? [] : [name]))];
  it.each(devices)('on %s', async (device) => {
    let pressed = false;
    const out = join(folder, `interrupted-${device}`);
    const { code, stderr, stdout } = await runCli([...small, '--device', device, '--out', out], (printed, child) => {
      if (pressed || !printed.includes('epoch 1 1/4')) return;
      pressed = true;
      child.kill('SIGINT');
    });
    expect(stderr).toContain('stopping after this step');
    expect(stdout).toMatch(/trained \d{1,3} steps/);
    expect(code).toBe(130);
    expect(existsSync(join(out, 'model.safetensors'))).toBe(true);
  });
  it('a second one quits at once', async () => {
    let pressed = false;
    const { code, stderr, stdout } = await runCli(
      ['train', '--device', 'reference', '--limit', '64', '--batch-size', '32', '--steps', '1000'],
      (printed, child) => {
        if (pressed || !printed.includes('training resnet20')) return;
        pressed = true;
        child.kill('SIGINT');
        setTimeout(() => child.kill('SIGINT'), 200);
      },
    );
    expect(stderr).toContain('press Ctrl-C again to quit at once');
    expect(stderr).not.toContain('interrupted after');
    expect([code, stdout]).toEqual([130, '']);
  });
  it('SIGTERM too, with an exit code of its own', async () => {
    let sent = false;
    const args = ['train', '--device', 'simd', '--limit', '8', '--batch-size', '2', '--steps', '1000'];
    const { code, stderr } = await runCli(args, (printed, child) => {
      if (sent || !printed.includes('epoch 1 1/4')) return;
      sent = true;
      child.kill('SIGTERM');
    });
    expect(stderr).toContain('stopping after this step');
    expect(code).toBe(143);
  });
});
