/** resnet20 (He et al. 2015, section 4.2, shortcuts A) as a list, for peers that have no modules: convolutions of 3x3 in order, with their shortcuts. */

/** Blocks: input channels, output channels, stride. */
export const BLOCKS = [16, 32, 64].flatMap((out, stage) =>
  [0, 1, 2].map((k) => ({ from: k === 0 && stage > 0 ? out / 2 : out, to: out, stride: k === 0 && stage > 0 ? 2 : 1 })),
);

/** Every convolution: input and output channels. */
export const CONVOLUTIONS = [
  { from: 3, to: 16 },
  ...BLOCKS.flatMap(({ from, to }) => [
    { from, to },
    { from: to, to },
  ]),
];

export const CLASSES = 10;
export const SIDE = 32;

/** Numbers that no peer could take a short cut with. */
export function values(size, scale = 1) {
  return Float32Array.from({ length: size }, (_, k) => scale * Math.sin(12.9898 * k + 1));
}

/** He et al.'s standard deviation for a 3x3 kernel; a sine's is 0.7. */
export const kernelScale = (from) => Math.sqrt(2 / (9 * from)) / Math.SQRT1_2;

export const imageCount = (batch) => batch * 3 * SIDE * SIDE;
export const labelsOf = (batch) => Int32Array.from({ length: batch }, (_, k) => k % CLASSES);

export const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];

/** Prints the result as the bench reads it. */
export function report(batch, milliseconds) {
  console.log(JSON.stringify({ imagesPerSecond: (1000 * batch) / milliseconds, milliseconds }));
}
