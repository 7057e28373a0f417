/**
 * `npm run bench`: whole training steps, single layers and batch norm, each beside the probe of the same minute. `--quick` leaves out the
 * large networks and the layers, `--all` takes more steps; `--json` prints a JSON line a row.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type BatchNormRow, batchNormRows, type LayerRow, layerRows } from './layers.ts';
import { measureProbe } from './probe.ts';
import type { StepRow } from './step.ts';

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

const known = ['--quick', '--all', '--json'];
const given = process.argv.slice(2);
const unknown = given.find((option) => !known.includes(option));
if (unknown !== undefined) {
  console.error(`error: unknown option ${unknown}; use ${known.join(', ')}`);
  process.exit(2);
}
const [quick, all, json] = known.map((option) => given.includes(option));

const print = (row: object, text: string): void => console.log(json ? JSON.stringify(row) : text);
const ratio = (value: number): string => value.toFixed(2).padStart(6);

const probe = await measureProbe();
print({ probe }, `probe: ${probe.toFixed(1)} GFLOP/s on one thread; all ratios are to a probe of the same minute\n`);

print({}, 'model      batch threads      ms/step images/s  x probe  recording  first step  arena');
for (const [model, batch, side] of [...SMALL, ...(quick ? [] : LARGE)]) {
  for (const threads of [1, 2]) printStep(step(model, batch, side, threads));
}

if (!quick) {
  print({}, '\nlayer                algorithm  forward  by input  by weight');
  await layerRows(printLayer);
  print({}, '\nbatch norm, bytes a second against memcpy');
  await batchNormRows(printBatchNorm);
}

function step(model: string, batch: number, side: number, threads: number): StepRow {
  const script = fileURLToPath(new URL('step.ts', import.meta.url));
  const args = ['--conditions=tapegrad-source', '--import', 'tsx', script, model, batch, side, threads, all ? 20 : 8];
  return JSON.parse(execFileSync(process.execPath, args.map(String), { encoding: 'utf8' }));
}

function printStep(row: StepRow): void {
  const { model, batch, threads, milliseconds, imagesPerSecond, effective, recording, firstStepSeconds, arenaMebibytes } = row;
  print(
    row,
    [
      model.padEnd(10),
      String(batch).padStart(5),
      String(threads).padStart(7),
      milliseconds.toFixed(1).padStart(12),
      imagesPerSecond.toFixed(1).padStart(8),
      effective.toFixed(2).padStart(8),
      `${(100 * recording).toFixed(1)} %`.padStart(10),
      `${firstStepSeconds.toFixed(1)} s`.padStart(11),
      `${arenaMebibytes.toFixed(0)} MiB`.padStart(9),
    ].join(' '),
  );
}

function printLayer(row: LayerRow): void {
  const { layer, algorithm, forward, inputGradient, weightGradient } = row;
  print(
    row,
    `${layer.padEnd(20)} ${algorithm.padEnd(9)} ${ratio(forward)}   ${ratio(inputGradient)}     ${ratio(weightGradient)}`,
  );
}

function printBatchNorm(row: BatchNormRow): void {
  const pieces = Object.entries(row.pieces).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  print(row, `${row.shape.padEnd(18)} ${pieces.join('  ')}`);
}
