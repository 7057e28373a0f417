/**
 * `npm run check:accuracy`: the ops' tests on every device, simd on 1, 2 and 3 threads, and a table of the largest errors they saw, written to
 * docs/accuracy.md.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AccuracyLine } from '../support/accuracyLog.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tapegrad-accuracy-'));
const log = join(folder, 'errors.jsonl');
const { status } = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'tests/core/ops'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, CI: 'true', TAPEGRAD_ACCURACY_LOG: log },
});
if (status === 0 && existsSync(log)) writeFileSync(join(root, 'docs/accuracy.md'), page(readLines()));
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;

function readLines(): AccuracyLine[] {
  return readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function page(lines: readonly AccuracyLine[]): string {
  const ops = [...new Set(lines.map(({ op }) => op))].sort();
  const devices = [...new Set(lines.map(({ device }) => device))].sort();
  const cell = (op: string, device: string): string => {
    const own = lines.filter((line) => line.op === op && line.device === device);
    return own.length === 0 ? '' : Math.max(...own.map(({ error }) => error)).toExponential(1);
  };
  const tolerance = (op: string): string =>
    [...new Set(lines.filter((line) => line.op === op).map((line) => line.tolerance))].sort((a, b) => a - b).join(', ');
  return [
    '# Errors seen',
    '',
    'Made by `npm run check:accuracy`: the largest difference from the reference in the values and gradients of each op, over random shapes and',
    'options, as a share of |expected| + 1e-3 max |expected|. The reference itself is held against finite differences in float64 (1e-6), against',
    'TensorFlow.js and against PyTorch. simd on 1, 2 and 3 threads must give the same bits. Rows with a * are shares of max |expected|.',
    '',
    `| op | ${devices.join(' | ')} | tolerances |`,
    `| --- |${devices.map(() => ' ---: |').join('')} --- |`,
    ...ops.map((op) => `| ${op} | ${devices.map((device) => cell(op, device)).join(' | ')} | ${tolerance(op)} |`),
    '',
    'Where the tolerances come from: float32 keeps 6e-8 of a number, and a sum of n products of either sign keeps that share of its parts, not of',
    'its result. 1e-4 is what sums of some hundred products leave; 1e-3 and more is allowed where all results of a case may be small by chance,',
    'or where batch norm divides by the deviation of a few values. Winograd multiplies rounding errors by the entries of its transforms.',
    '',
    'NaN and infinity: reference, simd, cpu and webasm keep them as IEEE 754 says, in maxima too, as PyTorch does; Winograd spreads them over a',
    'tile of 4 x 4 outputs. webgpu keeps them in arithmetic, convolutions, sums and batch norm, but not in exp, log, tanh and maxima: WGSL lets a',
    'compiler assume that there are none.',
    '',
  ].join('\n');
}
