import type { Page } from 'playwright-core';

export interface Contrast {
  readonly text: string;
  readonly contrast: number;
}

/** Of every text that a person sees and that is not switched off, with the ground behind it: 1 to 21, as WCAG 2.1 defines it. */
export function contrasts(page: Page): Promise<Contrast[]> {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
    const pixelOf = (colour: string): Uint8ClampedArray => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      return canvas.getImageData(0, 0, 1, 1).data;
    };
    const linear = (byte: number): number => (byte <= 10 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = (colour: string): number => {
      const [red, green, blue] = pixelOf(colour);
      return 0.2126 * linear(red!) + 0.7152 * linear(green!) + 0.0722 * linear(blue!);
    };
    const groundOf = (element: Element): string => {
      const { backgroundColor } = getComputedStyle(element);
      const behind = element.parentElement;
      return pixelOf(backgroundColor)[3]! > 0 || behind === null ? backgroundColor : groundOf(behind);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found: { text: string; contrast: number }[] = [];
    while (texts.nextNode()) {
      const text = texts.currentNode.textContent?.trim() ?? '';
      const element = texts.currentNode.parentElement;
      if (text === '' || !element?.checkVisibility() || element.closest('button:disabled, fieldset:disabled, option')) continue;
      const [one, other] = [luminance(getComputedStyle(element).color), luminance(groundOf(element))];
      found.push({ text, contrast: (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) });
    }
    return found;
  });
}
