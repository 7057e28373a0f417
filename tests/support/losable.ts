/** Lets a page take the GPU away from all that it has made on it, gpu.js's own contexts included. */
const taken: (() => void)[] = [];

export function watchGpus(): void {
  if (typeof OffscreenCanvas !== 'undefined') {
    const { getContext } = OffscreenCanvas.prototype;
    OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...given: unknown[]) {
      const context: unknown = Reflect.apply(getContext, this, given);
      if (context instanceof WebGL2RenderingContext) taken.push(() => context.getExtension('WEBGL_lose_context')?.loseContext());
      return context;
    } as typeof getContext;
  }
  if (typeof GPUAdapter !== 'undefined') {
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const device = await requestDevice.call(this, descriptor);
      taken.push(() => device.destroy());
      return device;
    };
  }
}

export function loseGpu(): void {
  for (const take of taken.splice(0)) take();
}
