/** Where `npm run check:accuracy` collects the errors that the ops' tests see: a line for each result, in the file that a variable names. */
import { appendFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect } from 'vitest';
import type { Device } from '../../core/devices/device.ts';
import { SimdDevice } from '../../core/devices/simd/device.ts';

export const ACCURACY_LOG = process.env.TAPEGRAD_ACCURACY_LOG;

export interface AccuracyLine {
  /** The test file, which is named after the op. */
  readonly op: string;
  readonly device: string;
  readonly error: number;
  readonly tolerance: number;
}

/** `op` where it is not what the test file is named after. */
export function logAccuracy(device: Device, error: number, tolerance: number, op?: string): void {
  if (ACCURACY_LOG === undefined) return;
  const line: AccuracyLine = {
    op: op ?? basename(expect.getState().testPath ?? '', '.test.ts'),
    device: device instanceof SimdDevice ? `simd on ${device.threads}` : device.name,
    error,
    tolerance,
  };
  appendFileSync(ACCURACY_LOG, `${JSON.stringify(line)}\n`);
}
