/** The package sharp, loaded when the first picture is read, so that everything else works without it. */
import { DataError } from '../error.ts';

export type Sharp = typeof import('sharp').default;

export async function loadSharp(): Promise<Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (error) {
    throw new DataError(
      `reading pictures needs the package sharp, which cannot be loaded here; run npm install sharp (${firstLine(error)})`,
    );
  }
}

export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n')[0]!.slice(0, 200);
}
