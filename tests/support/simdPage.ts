/**
 * What simdBrowser.test.ts runs in a page: ops on device simd with so many threads as the address says, or without saying how many, against
 * the reference there, and the bits of the results. Reports by a request to `/report`.
 */
import { ReferenceDevice } from '../../core/devices/reference.ts';
import { SimdDevice } from '../../core/devices/simd/device.ts';
import { evaluate, relativeError } from './evaluate.ts';
import { sampleNetwork } from './sampleNetwork.ts';

async function run(): Promise<object> {
  const threads = Number(new URLSearchParams(location.search).get('threads'));
  const device = await SimdDevice.open(threads > 0 ? { threads } : {});
  const results = sampleNetwork();
  const shared = !(device.memory.memory.buffer instanceof ArrayBuffer);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const actual = await evaluate(results, device);
  clearInterval(timer);
  const expected = await evaluate(results, new ReferenceDevice());
  device.destroy();
  return {
    threads: device.threads,
    shared,
    turns,
    errors: results.map((_, k) => relativeError(actual[k]!, expected[k]!)),
    values: actual.map((each) => [...each]),
  };
}

run()
  .catch((error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }))
  .then((report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) }));
