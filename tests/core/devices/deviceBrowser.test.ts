/**
 * Every device of browsers inside a module worker of Chromium, as pages use them, from a bundle that is minified: gpu.js reads kernels as
 * text. GPUs are made of software.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Bundle,
  bundle,
  hasChromium,
  ISOLATION,
  NO_GPU,
  NO_WEBGL,
  SWIFTSHADER,
  visit,
  WEBGPU_SWIFTSHADER,
} from '../../support/chromium.ts';
import { CANCELLATION_TOLERANCE } from '../../support/devices.ts';
import { opCases } from '../../support/opCases.ts';

interface Report {
  readonly error?: string;
  readonly used: string;
  readonly inUse: number | null;
  /** By case: the largest error of its value and gradients as a share of the largest expected. */
  readonly errors: Readonly<Record<string, number>>;
  readonly trained: readonly number[];
  readonly expected: readonly number[];
  readonly measured: {
    readonly values: readonly number[];
    readonly steps: number;
    readonly times: readonly number[];
    readonly after: readonly number[] | null;
  };
  readonly lost: { readonly between: string; readonly during: string; readonly again: readonly number[] } | null;
}

const SETTINGS = [
  { name: 'simd on two threads', query: 'device=simd&threads=2', headers: ISOLATION, threads: 2 },
  { name: 'simd without shared memory', query: 'device=simd', threads: 1 },
  { name: 'webgpu', query: 'device=webgpu', flags: WEBGPU_SWIFTSHADER, threads: null, lost: /^the WebGPU device was lost/ },
  { name: 'webgl2', query: 'device=webgl2', flags: SWIFTSHADER, threads: null, lost: /: the webgl2 context was lost/ },
] as const;

interface Refusals extends Pick<Report, 'used' | 'inUse'> {
  readonly refused: readonly string[];
}

const REFUSALS = {
  webgpu: 'useDevice: webgpu found no adapter',
  webgl2: 'useDevice: webgl2 is not offered by this browser, or not on this GPU; use auto or simd',
  headlessgl: 'useDevice: headlessgl is for Node; in a browser use webgl2 or auto',
  webasm: 'useDevice: webasm needs memory that threads share',
};

describe.skipIf(!hasChromium)('in a worker in Chromium', { timeout: 600_000 }, () => {
  let files: Bundle = new Map();
  beforeAll(async () => {
    files = await bundle('devicePage.ts', true);
  });

  it.each(SETTINGS)('$name: every op, training, times, and the loss of a GPU', async ({ query, threads, ...rest }) => {
    const { headers, flags, lost } = { headers: {}, flags: NO_GPU, lost: undefined, ...rest };
    const report = await visit<Report>(files, { query, headers, flags, inWorker: true });
    expect(report.error).toBeUndefined();
    expect([report.used, report.inUse]).toEqual([new URLSearchParams(query).get('device'), threads]);

    expect(Object.keys(report.errors)).toEqual(opCases().map(({ name }) => name));
    for (const [name, error] of Object.entries(report.errors)) expect(error, name).toBeLessThan(CANCELLATION_TOLERANCE);

    report.expected.forEach((loss, k) => expect(Math.abs(report.trained[k]! - loss)).toBeLessThan(1e-5));
    expect(report.measured.values).toEqual(report.trained);
    expect(report.measured.times).toHaveLength(report.measured.steps);
    expect(report.measured.times.every((time) => Number.isFinite(time) && time >= 0)).toBe(true);
    if (lost === undefined) return;

    // The other devices round times to what a page may know, and have them without asking.
    expect(report.measured.times.reduce((sum, time) => sum + time, 0)).toBeGreaterThan(0);
    expect(report.measured.after).toBeNull();
    for (const message of [report.lost!.between, report.lost!.during]) {
      expect(message).toMatch(lost);
      expect(message).toContain(`call useDevice('${report.used}') again and load the States from a checkpoint`);
    }
    expect(report.lost!.again).toEqual(report.trained.slice(0, 2));
  });

  it('says why a device cannot run without a GPU or threads, and auto takes simd', async () => {
    const query = `refused=${Object.keys(REFUSALS)}`;
    const { refused, used, inUse } = await visit<Refusals>(files, { query, flags: NO_WEBGL, inWorker: true });
    for (const [k, sentence] of Object.values(REFUSALS).entries()) expect(refused[k]).toContain(sentence);
    expect([used, inUse]).toEqual(['simd', 1]);
  });
});
