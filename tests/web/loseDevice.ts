/** The devices that the playground's worker opens, within reach of a test. */
import type { Page } from 'playwright-core';

/** Runs in the playground's worker, before it opens a device: keeps what it opens within reach. */
export async function keepDevices(page: Page): Promise<void> {
  const worker = page.workers()[0] ?? (await page.waitForEvent('worker'));
  await worker.evaluate(() => {
    const kept: unknown[] = [];
    Reflect.set(globalThis, 'kept', kept);
    const { getContext } = OffscreenCanvas.prototype;
    OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...args: Parameters<typeof getContext>) {
      const context = getContext.apply(this, args);
      kept.push(context);
      return context;
    } as typeof getContext;
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, ...args) {
      const device = await requestDevice.apply(this, args);
      kept.push(device);
      return device;
    };
  });
}

/** Takes them away, as a driver does that is reset. */
export async function loseDevice(page: Page): Promise<void> {
  await page.workers()[0]!.evaluate(() => {
    const kept: unknown[] = Reflect.get(globalThis, 'kept');
    for (const each of kept) {
      if (each instanceof GPUDevice) each.destroy();
      if (each instanceof WebGL2RenderingContext) each.getExtension('WEBGL_lose_context')?.loseContext();
    }
  });
}
