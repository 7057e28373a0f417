/** Damaged, foreign and hostile files in a picture folder: each is read or refused in one sentence, in little time and memory. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, expect, it } from 'vitest';
import { type Image, imageFolder, PictureError, randomFor } from '../../data/index.ts';

type Expected = 'refused' | 'read' | 'either';
interface Case {
  readonly name: string;
  readonly bytes: Buffer;
  readonly expected: Expected;
}

const random = randomFor(77);
const noise = Uint8Array.from({ length: 3 * 64 * 48 }, () => random.integer(256));
const picture = sharp(noise, { raw: { width: 64, height: 48, channels: 3 } });
const [jpg, progressive, png, webp, lossless] = await Promise.all([
  picture.clone().jpeg().toBuffer(),
  picture.clone().jpeg({ progressive: true }).toBuffer(),
  picture.clone().png().toBuffer(),
  picture.clone().webp().toBuffer(),
  picture.clone().webp({ lossless: true }).toBuffer(),
]);
const whole = { jpg, progressive, png, webp, lossless };

const refused = (name: string, bytes: Buffer | string): Case => ({ name, bytes: Buffer.from(bytes), expected: 'refused' });

/** Cut at many places: 2 % to 97 % of the file. */
const cut = Object.entries(whole).flatMap(([format, bytes]) =>
  [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97].map((part) =>
    refused(`${format} cut at ${part}`, bytes.subarray(0, Math.floor(bytes.length * part))),
  ),
);

/** Eight bits turned over, anywhere. Formats without a checksum may decode to other pixels. */
const flipped = Object.entries(whole).flatMap(([format, bytes]) =>
  Array.from({ length: 6 }, (_, k): Case => {
    const damaged = Buffer.from(bytes);
    for (let bit = 0; bit < 8; bit++) damaged[random.integer(damaged.length)]! ^= 1 << random.integer(8);
    return { name: `${format} with bits flipped, ${k}`, bytes: damaged, expected: 'either' };
  }),
);

/** A PNG that claims a size, its checksum mended. */
function pngOf(width: number, height: number, interlaced = 0): Buffer {
  const bytes = Buffer.from(png);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes[28] = interlaced;
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

/** A JPEG that claims a size in its frame header. */
function jpgOf(width: number, height: number, from = jpg, marker = 0xc0): Buffer {
  const bytes = Buffer.from(from);
  const frame = bytes.indexOf(Buffer.from([0xff, marker]));
  bytes.writeUInt16BE(height, frame + 5);
  bytes.writeUInt16BE(width, frame + 7);
  return bytes;
}

/** A WebP whose frame claims 16383 x 16383, the most there is. */
function hugeWebp(): Buffer {
  const bytes = Buffer.from(webp);
  bytes.writeUInt16LE(16383, 26);
  bytes.writeUInt16LE(16383, 28);
  return bytes;
}

const sizes = [
  refused('PNG of 30000 x 30000', pngOf(30000, 30000)),
  refused('PNG of 2^31 - 1 squared', pngOf(2 ** 31 - 1, 2 ** 31 - 1)),
  refused('PNG of 9000 x 9000 with the data of 64 x 48', pngOf(9000, 9000)),
  refused('PNG of 9000 x 9000, interlaced', pngOf(9000, 9000, 1)),
  refused('PNG of 0 x 48', pngOf(0, 48)),
  refused('PNG of 64 x 0', pngOf(64, 0)),
  refused('JPEG of 30000 x 30000', jpgOf(30000, 30000)),
  refused('JPEG of 65500 x 65500', jpgOf(65500, 65500)),
  // libjpeg pads what is missing before an end marker with grey, and Pillow takes that for a picture too
  { name: 'JPEG of 9000 x 9000 with the data of 64 x 48', bytes: jpgOf(9000, 9000), expected: 'either' } as const,
  { name: 'progressive JPEG of 9000 x 9000', bytes: jpgOf(9000, 9000, progressive, 0xc2), expected: 'either' } as const,
  refused('JPEG of 0 x 48', jpgOf(0, 48)),
  refused('JPEG of 64 x 0', jpgOf(64, 0)),
  refused('JPEG of 1 x 65500', jpgOf(1, 65500)),
  refused('WebP of 16383 x 16383', hugeWebp()),
];

const foreign = [
  refused('empty', ''),
  refused('one byte', '\xff'),
  refused('text', 'a cat'),
  refused('HTML', '<!doctype html><html><body>404 Not Found</body></html>'),
  refused('SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="64" height="48"/></svg>'),
  refused('GIF', await picture.clone().gif().toBuffer()),
  refused('TIFF', await picture.clone().tiff().toBuffer()),
  refused('the beginning of a JPEG', Buffer.from([0xff, 0xd8, 0xff, 0xe0])),
  refused('the beginning of a PNG', png.subarray(0, 8)),
  refused('the beginning of a WebP', webp.subarray(0, 12)),
  refused('a PNG header alone', png.subarray(0, 33)),
  refused('a JPEG header alone', jpg.subarray(0, jpg.indexOf(Buffer.from([0xff, 0xda])))),
  refused('zeros', Buffer.alloc(5000)),
  refused('random bytes', Buffer.from(noise.subarray(0, 5000))),
  refused('random bytes after a JPEG beginning', Buffer.concat([jpg.subarray(0, 4), noise.subarray(0, 5000)])),
  refused('random bytes after a PNG beginning', Buffer.concat([png.subarray(0, 8), noise.subarray(0, 5000)])),
  { name: 'a PNG named jpg', bytes: png, expected: 'read' } as const,
  { name: 'a JPEG with text behind it', bytes: Buffer.concat([jpg, Buffer.from('the end')]), expected: 'read' } as const,
];

const cases: readonly Case[] = [
  ...Object.entries(whole).map(([name, bytes]): Case => ({ name, bytes, expected: 'read' })),
  ...cut,
  ...flipped,
  ...sizes,
  ...foreign,
];

const root = mkdtempSync(join(tmpdir(), 'tapegrad-malformed-'));
mkdirSync(join(root, 'train/a'), { recursive: true });
cases.forEach(({ bytes }, k) => writeFileSync(join(root, 'train/a', `${String(k).padStart(4, '0')}.jpg`), bytes));
const gone = join(root, 'train/a/9998.jpg');
const directory = join(root, 'train/a/9999.jpg');
for (const file of [gone, directory]) writeFileSync(file, jpg);
const folder = imageFolder(root, { workers: 2, rule: { crop: { kind: 'random', shorterSide: [40, 60], size: 32 } } });
rmSync(gone);
rmSync(directory);
mkdirSync(directory);

afterAll(async () => {
  await folder.close();
  rmSync(root, { recursive: true });
});

const outcome = (result: PromiseSettledResult<Image>): Expected => (result.status === 'fulfilled' ? 'read' : 'refused');

it(`${cases.length + 2} files, each read or refused`, async () => {
  const before = process.resourceUsage().maxRSS;
  const started = performance.now();
  const results = await Promise.allSettled(Array.from({ length: folder.length }, (_, k) => folder.image(k)));
  expect(performance.now() - started).toBeLessThan(30_000);
  // two threads start, and no decoder may keep a picture of more than 100 million pixels
  expect((process.resourceUsage().maxRSS - before) / 2 ** 10).toBeLessThan(700);
  expect(cases.length + 2).toBeGreaterThanOrEqual(100);

  const wrong = cases.flatMap(({ name, expected }, k) =>
    expected === 'either' || outcome(results[k]!) === expected ? [] : [`${name}: ${outcome(results[k]!)}`],
  );
  expect(wrong).toEqual([]);
  for (const [k, result] of results.entries()) {
    if (result.status === 'fulfilled') {
      expect(result.value.shape).toEqual([3, 32, 32]);
      expect(result.value.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    } else {
      expect(result.reason).toBeInstanceOf(PictureError);
      expect(result.reason.file).toBe(folder.files[k]);
      expect(result.reason.message).toMatch(/^[^\n]*\.jpg cannot be read as a picture: [^\n]{5,200}$/);
    }
  }
  expect(results.slice(-2).map(outcome)).toEqual(['refused', 'refused']);
});

it('say what is wrong with them', async () => {
  const reasonOf = async (name: string): Promise<string> => {
    const at = cases.findIndex((each) => each.name === name);
    return folder.image(at).then(
      () => 'read',
      ({ reason }: PictureError) => reason,
    );
  };
  expect(await reasonOf('empty')).toBe('it is empty');
  expect(await reasonOf('HTML')).toBe('its first bytes are not those of a JPEG, PNG or WebP file');
  expect(await reasonOf('PNG of 30000 x 30000')).toMatch(/exceeds pixel limit/);
  expect(await reasonOf('JPEG of 30000 x 30000')).toMatch(/exceeds pixel limit/);
  expect(await reasonOf('jpg cut at 0.9')).toMatch(/premature end/i);
});
