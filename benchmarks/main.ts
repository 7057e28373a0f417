/**
 * `npm run bench`: whole training steps beside other frameworks, single layers, matrix products and batch norm, each beside the probe of
 * the same minute. `--quick` keeps to resnet20's steps, `--all` takes more steps of everything; `--json` prints a JSON line a row.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gemmRows } from './gemm.ts';
import { batchNormRows, layerRows } from './layers.ts';
import { loaderRows } from './loader.ts';
import { forwardRows, torchRows, trainingRows } from './peers.ts';
import { measureProbe } from './probe.ts';
import type { StepRow } from './step.ts';
import { printBatchNorm, printGemm, printHeading, printLayer, printLoader, printPeer, printProbe, printStep } from './table.ts';

/** model, batch, side */
const SMALL = [
  ['resnet20', 32, 32],
  ['resnet20', 128, 32],
] as const;
const LARGE = [
  ['resnet56', 128, 32],
  ['resnet18', 8, 224],
  ['resnet50', 4, 224],
] as const;
const THREADS = [1, 2];
const FORWARD_BATCH = 128;

const known = ['--quick', '--all', '--json'];
const given = process.argv.slice(2);
const unknown = given.find((option) => !known.includes(option));
if (unknown !== undefined) {
  console.error(`error: unknown option ${unknown}; use ${known.join(', ')}`);
  process.exit(2);
}
const [quick, all] = known.map((option) => given.includes(option));
const steps = all ? 30 : 10;

printProbe(await measureProbe());
printHeading('training', 'step');
for (const [model, batch, side] of [...SMALL, ...(quick ? [] : LARGE)]) {
  for (const threads of THREADS) {
    printStep(step(model, batch, side, threads, 'all'));
    torchRows(model, batch, side, threads, steps).forEach(printPeer);
  }
}
trainingRows().forEach(printPeer);

printHeading('forward only', 'step');
for (const threads of THREADS) printStep(step('resnet20', FORWARD_BATCH, 32, threads, 'forward'));
forwardRows(FORWARD_BATCH, THREADS).forEach(printPeer);

if (!quick) {
  printHeading('what the data loader brings', 'loader');
  await loaderRows(printLoader);
  printHeading('convolutions on one thread, direct multiply-adds a second: the probe is 1', 'layer');
  await layerRows(printLayer);
  printHeading('matrix products, the probe is 1', 'gemm');
  await gemmRows(printGemm);
  printHeading('batch norm, bytes a second: memcpy is 1', 'none');
  await batchNormRows(printBatchNorm);
}

function step(model: string, batch: number, side: number, threads: number, part: 'all' | 'forward'): StepRow {
  const script = fileURLToPath(new URL('step.ts', import.meta.url));
  const args = ['--conditions=tapegrad-source', '--import', 'tsx', script, model, batch, side, threads, steps, part];
  return JSON.parse(execFileSync(process.execPath, args.map(String), { encoding: 'utf8' }));
}
