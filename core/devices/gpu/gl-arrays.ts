/**
 * Arrays on GL: float32 textures that hold four elements a texel, in rows of a nearly square picture. What is free waits for the next
 * array of its size, up to some bytes; who holds an array counts, so that a State may share one with another.
 */
import type { HostArray } from '../../host.ts';
import { DeviceError } from '../device.ts';

export type Gl = WebGLRenderingContext | WebGL2RenderingContext;

/** Bytes of textures that are kept for reuse. */
const MAX_IDLE_BYTES = 2 ** 28;

/** An array as gpu.js takes it for an argument and for an output: it reads these names. */
export class GlArray {
  readonly type = 'MemoryOptimizedNumberTexture';
  readonly size: Int32Array;
  readonly output: readonly [number];
  readonly dimensions: readonly [number, number, number];
  holders = 1;

  constructor(
    readonly context: Gl,
    readonly texture: WebGLTexture | null,
    readonly elements: number,
  ) {
    this.size = sidesOf(elements);
    this.output = [elements];
    this.dimensions = [elements, 1, 1];
  }

  get bytes(): number {
    return 16 * this.size[0]! * this.size[1]!;
  }

  /** gpu.js asks before it writes whether to write elsewhere; nothing else holds the output of a launch. */
  beforeMutate(): boolean {
    return false;
  }
}

/** Width and height in texels, as gpu.js chooses them for so many elements. */
export function sidesOf(elements: number): Int32Array {
  const texels = Math.ceil(elements / 4);
  let high = Math.ceil(Math.sqrt(texels));
  let low = Math.floor(Math.sqrt(texels));
  while (high * low < texels) {
    high--;
    low = Math.ceil(texels / high);
  }
  return Int32Array.of(low, Math.ceil(texels / low));
}

export class GlArrays {
  /** Textures that exist, and those of them that nothing holds. */
  private textures = 0;
  private idle = 0;
  private idleBytes = 0;
  private readonly waiting = new Map<string, WebGLTexture[]>();
  private readonly framebuffer: WebGLFramebuffer | null;

  constructor(private readonly gl: Gl) {
    this.framebuffer = gl.createFramebuffer();
  }

  /** How many textures exist, and how many of them are in use. */
  get counts(): { readonly textures: number; readonly used: number } {
    return { textures: this.textures, used: this.textures - this.idle };
  }

  /** An array of any content. Throws when there is no memory for it. */
  take(elements: number): GlArray {
    const key = sidesOf(elements).join();
    const texture = this.waiting.get(key)?.pop();
    if (texture === undefined) return this.allocate(elements);
    const array = new GlArray(this.gl, texture, elements);
    this.idle--;
    this.idleBytes -= array.bytes;
    return array;
  }

  upload(values: HostArray): GlArray {
    const array = this.take(values.length);
    const texels = new Float32Array(array.bytes / 4);
    texels.set(values);
    this.bind(array.texture);
    const { gl } = this;
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, array.size[0]!, array.size[1]!, gl.RGBA, gl.FLOAT, texels);
    return array;
  }

  /** Waits for every launch before it. */
  download(array: GlArray): Float32Array {
    const { gl } = this;
    const texels = new Float32Array(array.bytes / 4);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, array.texture, 0);
    gl.readPixels(0, 0, array.size[0]!, array.size[1]!, gl.RGBA, gl.FLOAT, texels);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, null, 0);
    return texels.length === array.elements ? texels : texels.slice(0, array.elements);
  }

  /** One holder less; the last one gives the texture back. */
  release(array: GlArray): void {
    array.holders--;
    if (array.holders > 0 || array.texture === null) return;
    if (this.idleBytes + array.bytes > MAX_IDLE_BYTES) {
      this.textures--;
      this.gl.deleteTexture(array.texture);
      return;
    }
    const key = array.size.join();
    const waiting = this.waiting.get(key) ?? [];
    this.waiting.set(key, waiting);
    waiting.push(array.texture);
    this.idle++;
    this.idleBytes += array.bytes;
  }

  /** Deletes what nothing holds. */
  trim(): void {
    for (const textures of this.waiting.values()) for (const texture of textures) this.gl.deleteTexture(texture);
    this.waiting.clear();
    this.textures -= this.idle;
    this.idle = 0;
    this.idleBytes = 0;
  }

  private allocate(elements: number): GlArray {
    const { gl } = this;
    const array = new GlArray(gl, gl.createTexture(), elements);
    this.bind(array.texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    const format = 'RGBA32F' in gl ? gl.RGBA32F : gl.RGBA;
    const [width, height] = array.size;
    gl.texImage2D(gl.TEXTURE_2D, 0, format, width!, height!, 0, gl.RGBA, gl.FLOAT, null);
    if (gl.getError() === gl.OUT_OF_MEMORY) {
      gl.deleteTexture(array.texture);
      throw new DeviceError(`there was no memory for a texture of ${array.bytes} bytes; use a smaller batch`);
    }
    this.textures++;
    return array;
  }

  /** On a texture unit that no kernel of at most 7 arrays uses. */
  private bind(texture: WebGLTexture | null): void {
    this.gl.activeTexture(this.gl.TEXTURE7);
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
  }
}
