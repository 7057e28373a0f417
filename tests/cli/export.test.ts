/** The command export: both kinds of files, and sentences for mistakes. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors, resnet20, writeSafetensors } from '../../models/index.ts';
import { exportOnnx } from '../../models/onnx/exportOnnx.ts';
import { compiledCli } from './compiled.ts';

const { runCli } = compiledCli();

describe('the command export', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tapegrad-export-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = (name: string): string => join(folder, name);
  const run = path('run');
  const weights = join(run, 'model.safetensors');
  const model = resnet20({ classes: 7 });
  beforeAll(async () => {
    mkdirSync(run);
    writeSafetensors(weights, await model.stateDict());
  });

  it('writes ONNX with the classes of the weights', async () => {
    const args = ['export', '--weights', weights, '--model', 'resnet20', '--json', '--to'];
    const { code, stdout, stderr } = await runCli([...args, path('network.onnx'), '--batch-norm', 'folded']);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ classes: 7, batchNorm: 'folded', input: ['batch', 3, 32, 32] });
    const expected = await exportOnnx(model, { inputShape: [1, 3, 32, 32], batchNorm: 'folded' });
    expect(new Uint8Array(readFileSync(path('network.onnx')))).toEqual(expected);
  });

  it('writes safetensors from what a run left', async () => {
    const args = ['export', '--checkpoint', run, '--model', 'resnet20', '--to', path('copy.safetensors')];
    expect((await runCli(args)).code).toBe(0);
    expect([...readSafetensors(path('copy.safetensors'))]).toEqual([...readSafetensors(weights)]);
  });

  it('ends with one sentence for a mistake, and leaves no file', async () => {
    const headless = path('headless.safetensors');
    writeSafetensors(headless, new Map([['x', { shape: [1], data: new Float32Array(1) }]]));
    const before = readdirSync(folder);
    const out = path('new.onnx');
    const mistakes: readonly [string[], string][] = [
      [['--weights', weights, '--model', 'resnet20', '--to', path('x.pt')], 'ends neither in .safetensors nor in .onnx'],
      [['--weights', path('none.safetensors'), '--model', 'resnet20', '--to', out], 'none.safetensors: no such file'],
      [['--model', 'resnet20', '--to', out], '--checkpoint DIR or --weights FILE'],
      [['--weights', weights, '--to', out], '--model NAME'],
      [['--weights', weights, '--model', 'resnet18', '--to', out], 'does not fit resnet18: loadStateDict: '],
      [['--weights', headless, '--model', 'resnet20', '--to', out], 'neither linear.weight nor fc.weight'],
      [['--weights', weights, '--model', 'resnet20', '--to', path('missing/x.onnx')], 'cannot write'],
      [
        ['--weights', weights, '--model', 'resnet20', '--batch-norm', 'folded', '--to', path('x.safetensors')],
        '--batch-norm is for .onnx files',
      ],
    ];
    for (const [args, sentence] of mistakes) {
      const result = await runCli(['export', ...args]);
      expect(result.stderr).toContain(sentence);
      expect(result.code).toBe(1);
      expect(result.stderr).not.toMatch(/^ +at /m);
    }
    expect(readdirSync(folder)).toEqual(before);
  });
});
