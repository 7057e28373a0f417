/** Seeded random numbers. A draw depends on what it is for (seed, epoch, image), never on how many draws came before it elsewhere. */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Random numbers, one after another. */
export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform among 0 .. below - 1. */
  integer(below: number): number;
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number;
}

/** A generator of its own for these whole numbers: `randomFor(seed, epoch, image)`. */
export function randomFor(...parts: readonly number[]): Random {
  const generator = xoroshiro128plus(parts.reduce(mix, 0x9e3779b9));
  const float = (): number => uniformFloat64(generator);
  return {
    float,
    integer: (below) => uniformInt(generator, 0, below - 1),
    // Box and Muller 1958; 1 - float() is never 0
    normal: () => Math.sqrt(-2 * Math.log(1 - float())) * Math.cos(2 * Math.PI * float()),
  };
}

/** The finaliser of MurmurHash3 over the parts: every bit of each changes about half the bits of the result. */
function mix(hash: number, part: number): number {
  let x = (hash ^ Math.imul(part, 0x85ebca6b)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** 0 .. length - 1 in random order (Fisher and Yates). */
export function permutation(length: number, random: Random): number[] {
  const order = Array.from({ length }, (_, k) => k);
  for (let k = length - 1; k > 0; k--) {
    const other = random.integer(k + 1);
    [order[k], order[other]] = [order[other]!, order[k]!];
  }
  return order;
}
