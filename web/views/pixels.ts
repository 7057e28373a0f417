/** Pictures on canvases. */
import type { Picture } from '../protocol.ts';

/** Paints values from `low` to `high` as 0 to 255. */
export function paint(canvas: HTMLCanvasElement, { width, height, pixels }: Picture, low = 0, high = 1): void {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  const area = width * height;
  for (let p = 0; p < area; p++) {
    for (let c = 0; c < 3; c++) image.data[4 * p + c] = (255 * (pixels[c * area + p]! - low)) / (high - low);
    image.data[4 * p + 3] = 255;
  }
  contextOf(canvas).putImageData(image, 0, 0);
}

/** What a canvas shows, values from 0 to 1. */
export function readPixels(canvas: HTMLCanvasElement): Picture {
  const { width, height } = canvas;
  const { data } = contextOf(canvas).getImageData(0, 0, width, height);
  const area = width * height;
  const pixels = Float32Array.from({ length: 3 * area }, (_, k) => data[4 * (k % area) + Math.floor(k / area)]! / 255);
  return { width, height, pixels };
}

export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('this browser draws on no canvas; use another one');
  return context;
}
