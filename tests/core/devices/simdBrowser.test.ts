/**
 * The simd engine in a browser, on the page's workers. Chromium has relaxed SIMD, which Node 20 has not: there multiplications and additions
 * are one instruction, so the bits are the same on any number of threads, but not those of Node.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { SimdDevice } from '../../../core/devices/simd/device.ts';
import { type Bundle, bundle, hasChromium, ISOLATION, visit } from '../../support/chromium.ts';
import { CANCELLATION_TOLERANCE } from '../../support/devices.ts';
import { evaluate, scaledError } from '../../support/evaluate.ts';
import { sampleNetwork } from '../../support/sampleNetwork.ts';

interface Report {
  readonly error?: string;
  readonly threads: number;
  readonly shared: boolean;
  readonly turns: number;
  readonly errors: readonly number[];
  readonly values: readonly (readonly number[])[];
}

describe.skipIf(!hasChromium)('simd in Chromium', { timeout: 300_000 }, () => {
  let files: Bundle = new Map();
  beforeAll(async () => {
    files = await bundle('simdPage.ts');
  });

  it('agrees with the reference and with Node, and gives the same bits on 1, 2 and 3 threads and without shared memory', async () => {
    const reports: Report[] = [];
    for (const threads of [1, 2, 3])
      reports.push(await visit<Report>(files, { query: `threads=${threads}`, headers: ISOLATION }));
    const alone = await visit<Report>(files, {});
    expect([alone.error, alone.threads, alone.shared]).toEqual([undefined, 1, false]);
    expect(alone.values).toEqual(reports[0]!.values);
    reports.forEach(({ error, threads, shared, turns, errors, values }, k) => {
      expect(error).toBeUndefined();
      expect(threads).toBe(k + 1);
      expect(shared).toBe(true);
      expect(turns).toBeGreaterThan(0);
      errors.forEach((each) => expect(each).toBeLessThan(CANCELLATION_TOLERANCE));
      expect(values).toEqual(reports[0]!.values);
    });
    const device = await SimdDevice.open({ threads: 2 });
    const inNode = await evaluate(sampleNetwork(), device);
    device.destroy();
    inNode.forEach((values, k) => expect(scaledError(reports[0]!.values[k]!, values)).toBeLessThan(CANCELLATION_TOLERANCE));
  });

  it('says what a page without shared memory lacks for two threads', async () => {
    const { error } = await visit<Report>(files, { query: 'threads=2' });
    expect(error).toContain('useDevice: simd needs memory that threads share');
    expect(error).toContain('Cross-Origin-Opener-Policy: same-origin');
    expect(error).toContain('leave the number of threads out to compute on one');
  });
});
