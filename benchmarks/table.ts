/** What the bench prints: a table for people, or with `--json` a JSON line a row. */
import type { GemmRow } from './gemm.ts';
import type { BatchNormRow, LayerRow } from './layers.ts';
import type { LoaderRow } from './loader.ts';
import type { PeerRow } from './peers.ts';
import type { StepRow } from './step.ts';

const json = process.argv.includes('--json');
const print = (row: object, text: string): void => console.log(json ? JSON.stringify(row) : text);
const ratio = (value: number): string => value.toFixed(2).padStart(9);

/** Columns of the first table; a peer has the first four. */
const NAME_WIDTH = 44;
const COLUMNS = {
  step: `${'threads'.padStart(7)} ${'images/s'.padStart(9)}  x probe  overhead  first step    arena     peak`,
  layer: 'algorithm  forward  by input  by weight',
  gemm: `${'NN'.padStart(9)}${'NT'.padStart(9)}${'TN'.padStart(9)}`,
  loader: `${'workers'.padStart(7)} ${'images/s'.padStart(9)}`,
  none: '',
};

export function printProbe(probe: number): void {
  print({ probe }, `probe: ${probe.toFixed(1)} GFLOP/s on one thread`);
}

export function printHeading(title: string, kind: keyof typeof COLUMNS): void {
  if (json) return;
  const width = kind === 'step' || kind === 'loader' ? NAME_WIDTH : 20;
  console.log(`\n${title}\n${''.padEnd(width)} ${COLUMNS[kind]}`);
}

export function printStep(row: StepRow): void {
  const cells = [
    rateCells(`${row.model} batch ${row.batch}`, row.threads, row.imagesPerSecond),
    row.effective.toFixed(2).padStart(8),
    `${(100 * row.overhead).toFixed(1)} %`.padStart(9),
    `${row.firstStepSeconds.toFixed(1)} s`.padStart(11),
    `${row.arenaMebibytes.toFixed(0)} MiB`.padStart(8),
    `${row.peakMebibytes.toFixed(0)} MiB`.padStart(8),
  ];
  print(row, cells.join(' '));
}

export function printPeer(row: PeerRow): void {
  const name = `  ${row.peer}, ${row.work}`;
  print(
    row,
    row.imagesPerSecond === undefined
      ? `${name.padEnd(NAME_WIDTH)} ${String(row.threads).padStart(7)}  did not run: ${row.failure}`
      : rateCells(name, row.threads, row.imagesPerSecond),
  );
}

function rateCells(name: string, threads: number, imagesPerSecond: number): string {
  return `${name.padEnd(NAME_WIDTH)} ${String(threads).padStart(7)} ${imagesPerSecond.toFixed(1).padStart(9)}`;
}

export function printLoader(row: LoaderRow): void {
  print(row, rateCells(`${row.loader} batch ${row.batch}`, row.workers, row.imagesPerSecond));
}

export function printLayer(row: LayerRow): void {
  const { layer, algorithm, forward, inputGradient, weightGradient } = row;
  print(row, `${layer.padEnd(20)} ${algorithm.padEnd(8)} ${ratio(forward)} ${ratio(inputGradient)}  ${ratio(weightGradient)}`);
}

export function printGemm(row: GemmRow): void {
  print(row, `${row.size.padEnd(20)} ${ratio(row.NN)}${ratio(row.NT)}${ratio(row.TN)}`);
}

export function printBatchNorm(row: BatchNormRow): void {
  const pieces = Object.entries(row.pieces).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  print(row, `${row.shape.padEnd(20)} ${pieces.join('  ')}`);
}
