/** Device headlessgl where the package gl is installed; and what is said of both GL devices where they cannot run. */
import { describe, expect, it } from 'vitest';
import { GpuDevice } from '../../../core/devices/gpu/device.ts';
import { useDevice } from '../../../core/index.ts';
import { CANCELLATION_TOLERANCE, reference } from '../../support/devices.ts';
import { evaluate, scaledError } from '../../support/evaluate.ts';
import { opCases } from '../../support/opCases.ts';

const opened = await GpuDevice.open('headlessgl').then(
  (device) => ({ device, reason: '' }),
  (error: unknown) => ({ device: undefined, reason: error instanceof Error ? error.message : String(error) }),
);
const { device, reason } = opened;

describe.skipIf(device === undefined)(`headlessgl${device === undefined ? `: ${reason}` : ''}`, () => {
  it.each(opCases().map((each) => [each.name, each] as const))('agrees with the reference: %s', async (_, { results }) => {
    const actual = await evaluate(results, device!);
    const expected = await evaluate(results, reference);
    results.forEach((_result, k) => expect(scaledError(actual[k]!, expected[k]!)).toBeLessThan(CANCELLATION_TOLERANCE));
  });
});

describe('where GL is missing', () => {
  it('webgl2 in Node says what would work', async () => {
    await expect(useDevice('webgl2')).rejects.toThrow(
      'useDevice: webgl2 needs a browser: a page, or a worker that has OffscreenCanvas; in Node use auto, webgpu or headlessgl',
    );
  });
  it.skipIf(device !== undefined)('headlessgl without the package gl says how to get it', () => {
    expect(reason).toMatch(
      /^useDevice: headlessgl (needs the package gl|found no OpenGL).*(npm ci --prefix optional\/headlessgl|xvfb-run).*use auto/,
    );
  });
});
