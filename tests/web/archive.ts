/** What a saved run holds, read with the system's tar. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Unpacks beside the file; gives the run's directory. */
export function unpack(archive: string): string {
  execFileSync('tar', ['xf', archive, '-C', dirname(archive)]);
  return join(dirname(archive), basename(archive, '.tar'));
}

export function metricsOf(archive: string): string {
  return readFileSync(join(unpack(archive), 'metrics.jsonl'), 'utf8');
}

/** Of every step. */
export function lossesOf(archive: string): number[] {
  const lines = metricsOf(archive).trim().split('\n');
  return lines.map((line) => JSON.parse(line)).flatMap(({ kind, loss }) => (kind === 'step' ? [loss] : []));
}
