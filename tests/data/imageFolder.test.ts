/** Folders of pictures: what is read, what is cut out of it, and that it does not depend on the threads. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import ndarray from 'ndarray';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { listPictures } from '../../data/imageFolder/listing.ts';
import type { CropRule, PictureRule } from '../../data/imageFolder/rule.ts';
import {
  DataLoader,
  type Image,
  type ImageFolder,
  imageFolder,
  lighting,
  normalise,
  PictureError,
  pictureStatistics,
  randomFor,
  subset,
} from '../../data/index.ts';
import { coded, drawn, level, noise, placeOf, read, reader, root, save, whole } from '../support/pictures.ts';

const opened: ImageFolder[] = [];
afterAll(() => Promise.all(opened.map((folder) => folder.close())));

describe('crops', () => {
  it('are drawn from (seed, epoch, picture): length, top, left, mirror', async () => {
    const file = await save(coded(70, 40));
    const crop: CropRule = { kind: 'random', shorterSide: [40, 40], size: 32 };
    const seen = { left: new Set<number>(), top: new Set<number>(), mirrored: 0 };
    for (let epoch = 0; epoch < 120; epoch++) {
      const image = await read(file, crop, { epoch, picture: 9 });
      expect(image.shape).toEqual([3, 32, 32]);
      const random = randomFor(5, 21, epoch, 9);
      expect(random.integer(1)).toBe(0);
      const [top, left, mirrored] = [random.integer(9), random.integer(39), random.float() < 0.5];
      expect(placeOf(image)).toEqual([left + (mirrored ? 31 : 0), top]);
      expect(placeOf(image, 31)).toEqual([left + (mirrored ? 0 : 31), top]);
      seen.left.add(left);
      seen.top.add(top);
      seen.mirrored += Number(mirrored);
    }
    expect([seen.top.size, Math.min(...seen.left), Math.max(...seen.left)]).toEqual([9, 0, 38]);
    expect(Math.abs(seen.mirrored - 60)).toBeLessThan(25);
  });
  it('differ by seed, epoch and picture', async () => {
    const file = await save(noise(60, 40, 2));
    const request = { file, picture: 1, view: 0, seed: 5, epoch: 1 };
    const first = await reader(request, SMALL);
    expect((await reader(request, SMALL)).data).toEqual(first.data);
    for (const other of [{ seed: 6 }, { epoch: 2 }, { picture: 2 }])
      expect((await reader({ ...request, ...other }, SMALL)).data).not.toEqual(first.data);
  });
  it('of a random length are squares of the resized picture', async () => {
    const file = await save(drawn(300, 200, (x) => [Math.floor(x / 2), 0, 0]));
    for (let epoch = 0; epoch < 10; epoch++) {
      const image = await read(file, { kind: 'random', shorterSide: [50, 90], size: 32 }, { epoch });
      const length = 50 + randomFor(5, 21, epoch, 0).integer(41);
      const slope = Math.abs(level(image, 0, 9, 31) - level(image, 0, 9, 0)) / 31;
      expect(slope).toBeCloseTo(150 / Math.floor((300 * length) / 200), 0.9);
    }
  });
  it.each([1, 3, 6, 8])('are the same pixels as those of the whole picture, upright from orientation %d', async (orientation) => {
    const file = await save(noise(64, 44, 8).withMetadata({ orientation }).jpeg(), 'jpg');
    for (const length of [36, 44, 70]) {
      const piece = await read(file, { kind: 'random', shorterSide: [length, length], size: 32 }, { epoch: length });
      const all = await read(file, whole(length));
      const random = randomFor(5, 21, length, 0);
      random.integer(1);
      const [top, left] = [random.integer(all.shape[1]! - 31), random.integer(all.shape[2]! - 31)];
      const mirrored = random.float() < 0.5;
      const wrong = Array.from(piece.data).filter((value, k) => {
        const [c, y, x] = [Math.floor(k / 1024), Math.floor(k / 32) % 32, k % 32];
        return value !== all.get(c, top + y, left + (mirrored ? 31 - x : x));
      });
      expect(wrong).toEqual([]);
    }
  });
  it('at the centre', async () => {
    const image = await read(await save(coded(71, 40)), { kind: 'centre', shorterSide: 40, size: 32 });
    expect([image.shape, placeOf(image), placeOf(image, 31)]).toEqual([
      [3, 32, 32],
      [19, 4],
      [50, 4],
    ]);
  });
  it('of whole pictures are cut at the centre to a multiple', async () => {
    const file = await save(coded(300, 64));
    const [image, mirror] = [await read(file, whole(64, 32)), await read(file, whole(64, 32, true))];
    expect([image.shape, placeOf(image), placeOf(mirror)]).toEqual([
      [3, 64, 288],
      [6, 0],
      [293, 0],
    ]);
    const tall = await read(await save(coded(64, 110)), whole(64, 32));
    expect([tall.shape, placeOf(tall)]).toEqual([
      [3, 96, 64],
      [0, 7],
    ]);
  });
  it('are refused where they cannot be', () => {
    const open = (rule: PictureRule) => () => imageFolder(folder, { rule });
    expect(open({ crop: { kind: 'centre', shorterSide: 200, size: 224 } })).toThrow(
      'a piece of 224 pixels does not fit into a shorter side of 200',
    );
    expect(open({ crop: { kind: 'random', shorterSide: [300, 256], size: 224 } })).toThrow('does not fit');
    expect(open({ crop: { kind: 'centre', shorterSide: 1.5, size: 1 } })).toThrow('needs whole numbers of pixels from 1 to 4096');
    expect(open({ crop: whole(64), normalise: { meanImage: new Float32Array(3) } })).toThrow('whole pictures differ in size');
    expect(open({ ...SMALL, normalise: { meanImage: new Float32Array(3) } })).toThrow(
      'the mean image has 3 values, but pieces of [3, 24, 24] need 1728',
    );
    expect(open({ ...SMALL, normalise: { mean: [0, 0, 0], std: [1, 0, 1] } })).toThrow('normalise: mean');
    expect(open({ ...SMALL, lighting: [[1]] })).toThrow('lighting: covariance [[1]]');
    expect(() => imageFolder(folder, { workers: 0 })).toThrow('imageFolder: workers 0 given');
  });
});

/** Three classes with odd names, in train and val. */
const SMALL: PictureRule = { crop: { kind: 'random', shorterSide: [24, 40], size: 24 } };
const folder = join(root, 'folder');
const names = [
  "potter's wheel/it's one.JPEG",
  "potter's wheel/b.png",
  'airship/a b c.jpg',
  'airship/2.WebP',
  'airship/10.jpg',
  'zebra/ü.jpeg',
  'zebra/x.jpg',
];
for (const split of ['train', 'val']) {
  for (const [k, name] of names.entries()) {
    const file = join(folder, split, name);
    mkdirSync(dirname(file), { recursive: true });
    const format = /webp$/i.test(name) ? 'webp' : name.endsWith('png') ? 'png' : 'jpeg';
    writeFileSync(
      file,
      await noise(48 + k, 40 + 2 * k, k)
        .toFormat(format)
        .toBuffer(),
    );
  }
}
const open = (options: Parameters<typeof imageFolder>[1]): ImageFolder => {
  const made = imageFolder(folder, options);
  opened.push(made);
  return made;
};
const shared = open({ workers: 2, rule: SMALL });
const single = open({ workers: 1, rule: SMALL });

describe('listing', () => {
  const relative = (files: readonly string[]): string[] => files.map((file) => file.slice(join(folder, 'train').length + 1));
  const sorted = [
    'airship/10.jpg',
    'airship/2.WebP',
    'airship/a b c.jpg',
    "potter's wheel/b.png",
    "potter's wheel/it's one.JPEG",
    'zebra/x.jpg',
    'zebra/ü.jpeg',
  ];
  it('is by name, classes first', () => {
    expect(shared.classes).toEqual(['airship', "potter's wheel", 'zebra']);
    expect(relative(shared.files)).toEqual(sorted);
    expect(sorted.map((_, k) => shared.label(k))).toEqual([0, 0, 0, 1, 1, 2, 2]);
    expect([shared.length, shared.viewsPerImage, shared.imageShape]).toEqual([7, 1, [3, 24, 24]]);
  });
  it('spreads a limit over the classes', () => {
    expect(relative(imageFolder(folder, { limit: 4 }).files)).toEqual([sorted[0], sorted[1], sorted[3], sorted[5]]);
    expect(imageFolder(folder, { limit: 99 }).length).toBe(7);
  });
  it('passes over hidden files, other files, directories and links that lead out', () => {
    const own = join(root, 'links');
    for (const name of ['train/a', 'train/a/dir.jpg', 'train/.hidden', 'elsewhere/b'])
      mkdirSync(join(own, name), { recursive: true });
    for (const name of ['train/a/x.jpg', 'train/a/.y.jpg', 'train/a/notes.txt', 'train/z.jpg', 'elsewhere/b/q.jpg'])
      writeFileSync(join(own, name), '');
    symlinkSync(join(own, 'train/a/x.jpg'), join(own, 'train/a/inside.jpg'));
    symlinkSync(join(root, '0.png'), join(own, 'train/a/outside.png'));
    symlinkSync(folder, join(own, 'train/outside'));
    symlinkSync(join(own, 'nowhere'), join(own, 'train/a/broken.jpg'));
    const { classes, files } = listPictures(own, 'train');
    expect(classes).toEqual(['a']);
    expect(files).toEqual(['inside.jpg', 'x.jpg'].map((name) => join(own, 'train/a', name)));
  });
  it('takes val/ for the test split, or test/ where there is none', () => {
    expect(listPictures(folder, 'test').files[0]).toBe(join(folder, 'val', sorted[0]!));
    mkdirSync(join(root, 'tested/test/a'), { recursive: true });
    writeFileSync(join(root, 'tested/test/a/x.jpg'), '');
    expect(listPictures(join(root, 'tested'), 'test').classes).toEqual(['a']);
  });
  it('says in a sentence what is missing', () => {
    const make = (...made: string[]): string => {
      const own = mkdtempSync(join(root, 'missing-'));
      for (const name of made) {
        mkdirSync(join(own, dirname(name)), { recursive: true });
        writeFileSync(join(own, name), '');
      }
      return own;
    };
    expect(() => listPictures(join(root, 'none'), 'train')).toThrow(
      /the directory .*none does not exist; give the one that holds train\/ and val\//,
    );
    expect(() => listPictures(make('x.jpg'), 'train')).toThrow(/has no folder train\/ with a folder for each class/);
    expect(() => listPictures(make('train/a/x.jpg'), 'test')).toThrow(/has no folder val\/ or test\/ with/);
    expect(() => listPictures(make('train/x.jpg'), 'train')).toThrow(/train has no folders; it needs one for each class/);
    expect(() => listPictures(make('train/a/x.txt'), 'train')).toThrow(/train.a has no pictures \(jpg, jpeg, png, webp\)/);
    const different = make('train/a/x.jpg', 'train/b/x.jpg', 'val/a/x.jpg');
    for (const split of ['train', 'test'] as const)
      expect(() => listPictures(different, split)).toThrow(/has the class b in train\/ but not in val\//);
    expect(() => listPictures(make('train/a/x.jpg', 'val/a/x.jpg', 'val/b/x.jpg'), 'train')).toThrow(
      /has the class b in val\/ but not in train\//,
    );
  });
});

describe('ten views', () => {
  it('are the corners and the centre, then their mirror images', async () => {
    const crop: CropRule = { kind: 'ten', shorterSide: 40, size: 32 };
    const files = [await save(coded(71, 40)), await save(coded(40, 60))];
    const images: Image[] = [];
    for (const file of files) for (let view = 0; view < 10; view++) images.push(await read(file, crop, { view }));
    const corners = (right: number, bottom: number, x: number, y: number) => [
      [0, 0],
      [right, 0],
      [0, bottom],
      [right, bottom],
      [x, y],
    ];
    const expected = [corners(39, 8, 19, 4), corners(8, 28, 4, 14)];
    for (const picture of [0, 1]) {
      for (let view = 0; view < 10; view++) {
        const image = images[picture * 10 + view]!;
        expect(image.shape).toEqual([3, 32, 32]);
        expect(placeOf(image, view < 5 ? 0 : 31)).toEqual(expected[picture]![view % 5]);
        expect(placeOf(image, view < 5 ? 31 : 0)[0]).toBe(expected[picture]![view % 5]![0]! + 31);
      }
    }
  });
  it('make a data set ten times as long, view after view', async () => {
    const crop: CropRule = { kind: 'ten', shorterSide: 30, size: 24 };
    const ten = shared.withRule({ crop });
    expect([ten.length, ten.viewsPerImage, ten.label(49)]).toEqual([70, 10, 1]);
    for (const index of [30, 31, 39, 40, 35])
      expect((await ten.image(index)).data).toEqual(
        (await read(shared.files[Math.floor(index / 10)]!, crop, { view: index % 10 })).data,
      );
  });
});

async function batchesOf(folder: ImageFolder, epoch: number, from = 0): Promise<number[][]> {
  const all: number[][] = [];
  for await (const { images } of new DataLoader(folder, { batchSize: 2, shuffle: true, seed: 3 }).epoch(epoch, { from }))
    all.push(Array.from(await images.data()));
  return all;
}

describe('threads', () => {
  const full: PictureRule = {
    ...SMALL,
    lighting: [
      [0.08, 0.06, 0.05],
      [0.06, 0.08, 0.07],
      [0.05, 0.07, 0.09],
    ],
    normalise: { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] },
  };
  it('make no difference to a single bit, and an epoch can begin anywhere', async () => {
    const expected = [await batchesOf(shared.withRule(full), 0), await batchesOf(shared.withRule(full), 1)];
    expect(expected[0]).not.toEqual(expected[1]);
    for (const other of [single.withRule(full), open({ workers: 3, rule: full })]) {
      expect(await batchesOf(other, 0)).toEqual(expected[0]);
      for (let from = 1; from <= 4; from++) expect(await batchesOf(other, 1, from)).toEqual(expected[1]!.slice(from));
    }
  });
  it('do lighting, then normalising', async () => {
    const [bare, changed] = [await shared.image(2, 6), await shared.withRule(full).image(2, 6)];
    const random = randomFor(0, 21, 6, 2);
    for (const draw of ['integer', 'integer', 'integer', 'float'] as const) random[draw](17);
    const expected = normalise({ mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] })(lighting(full.lighting!)(bare, random), random);
    expect(changed.data).toEqual(expected.data);
    const meanImage = Float32Array.from({ length: 3 * 24 * 24 }, (_, k) => k / 2000);
    const centred = await shared.withRule({ ...SMALL, normalise: { meanImage } }).image(2, 6);
    expect(centred.data).toEqual(bare.data.map((x, k) => x - meanImage[k]!));
    const byChannel = await shared.withRule({ ...SMALL, normalise: { mean: [0.5, 0.25, 0] } }).image(2, 6);
    expect(byChannel.data).toEqual(bare.data.map((x, k) => x - [0.5, 0.25, 0][Math.floor(k / 576)]!));
  });
  it('follow several rules at a time', async () => {
    const centre = single.withRule({ crop: { kind: 'centre', shorterSide: 30, size: 20 } });
    const folders = [single, centre, single, single.withRule(full), centre];
    const images = await Promise.all(folders.map((each, k) => each.image(k)));
    for (const [k, each] of folders.entries())
      expect(images[k]!.data).toEqual(
        (await reader({ file: each.files[k]!, picture: k, view: 0, seed: 0, epoch: 0 }, each.rule)).data,
      );
  });
  it('that end refuse their pictures, and others take their place', async () => {
    await single.image(0);
    const post = vi.spyOn(Worker.prototype, 'postMessage');
    await single.image(1);
    const worker = post.mock.contexts[0] as Worker;
    post.mockRestore();
    worker.postMessage({ kind: 'end' });
    const refused = [single.image(2), single.image(3)];
    for (const each of refused) await expect(each).rejects.toThrow(/the thread that was to read .* ended: exit code 0/);
    expect((await single.image(2)).shape).toEqual([3, 24, 24]);
  });
  it('are closed, whatever is waiting', async () => {
    const own = imageFolder(folder, { workers: 1, rule: SMALL });
    const reading = Promise.allSettled(Array.from({ length: 7 }, (_, k) => own.image(k)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await own.close();
    await own.close();
    for (const result of await reading)
      if (result.status === 'rejected') expect(result.reason.message).toMatch(/the image folder was closed/);
    await expect(own.image(0)).rejects.toThrow('the image folder was closed; it can read');
  });
  it('do not keep a script alive', () => {
    const index = new URL('../../data/index.ts', import.meta.url).href;
    const script = `const { imageFolder } = await import(${JSON.stringify(index)});
      const folder = imageFolder(${JSON.stringify(folder)}, { workers: 2 });
      console.log((await folder.image(0)).shape.join());`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    expect(execFileSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: 30_000 }).trim()).toBe('3,224,224');
  });
  it('need sharp, and say so', async () => {
    vi.resetModules();
    vi.doMock('sharp', () => {
      throw new Error('Cannot find package sharp');
    });
    const fresh = await import('../../data/index.ts');
    await expect(fresh.imageFolder(folder).image(0)).rejects.toThrow(
      'reading pictures needs the package sharp, which cannot be loaded here; run npm install sharp',
    );
    vi.doUnmock('sharp');
    vi.resetModules();
  });
});

describe('unreadable pictures', () => {
  it('are left out up to the limit, and are an error beyond it', async () => {
    const own = join(root, 'damaged');
    mkdirSync(join(own, 'train/a'), { recursive: true });
    for (let k = 0; k < 6; k++) {
      const bytes = await noise(40, 40, k).jpeg().toBuffer();
      writeFileSync(join(own, `train/a/${k}.jpg`), k % 2 === 0 ? bytes : bytes.subarray(0, 500));
    }
    const damaged = imageFolder(own, { workers: 1, rule: SMALL });
    opened.push(damaged);
    const heard: string[] = [];
    const run = async (unreadableLimit: number): Promise<number[]> => {
      const seen: number[] = [];
      const onUnreadable = ({ file }: PictureError, count: number): void => void heard.push(`${count} ${file.slice(-5)}`);
      for await (const { indices } of new DataLoader(damaged, { batchSize: 3, unreadableLimit, onUnreadable }))
        seen.push(...indices);
      return seen;
    };
    expect(await run(3)).toEqual([0, 2, 4]);
    expect(heard).toEqual(['1 1.jpg', '2 3.jpg', '3 5.jpg']);
    await expect(run(2)).rejects.toThrow(
      /3 pictures cannot be read, and only 2 may be left out \(unreadableLimit\); the last one was .*5\.jpg/,
    );
    await expect(run(0)).rejects.toThrow(PictureError);
    await expect(pictureStatistics(damaged)).rejects.toThrow(PictureError);
    expect((await pictureStatistics(damaged, { unreadableLimit: 3, shorterSide: 30, size: 24 })).pictures).toBe(3);
  });
});

describe('statistics', () => {
  const options = { shorterSide: 30, size: 24 };
  it('are those of direct sums', async () => {
    const { mean, std, covariance, meanImage, pictures } = await pictureStatistics(shared, options);
    const centre = shared.withRule({ crop: { kind: 'centre', ...options } });
    const images = await Promise.all(shared.files.map((_, k) => centre.image(k)));
    const pixels = images.flatMap(({ data }) =>
      Array.from({ length: 576 }, (_, k) => [data[k]!, data[576 + k]!, data[1152 + k]!]),
    );
    expect(pictures).toBe(7);
    const average = (of: (pixel: number[]) => number): number =>
      pixels.reduce((sum, pixel) => sum + of(pixel), 0) / pixels.length;
    const means = [0, 1, 2].map((c) => average((pixel) => pixel[c]!));
    for (const a of [0, 1, 2]) {
      expect(mean[a]).toBeCloseTo(means[a]!, 12);
      for (const b of [0, 1, 2])
        expect(covariance[a]![b]).toBeCloseTo(
          average((pixel) => (pixel[a]! - means[a]!) * (pixel[b]! - means[b]!)),
          12,
        );
      expect(std[a]! ** 2).toBeCloseTo(covariance[a]![a]!, 12);
    }
    expect(meanImage.shape).toEqual([3, 24, 24]);
    for (const at of [0, 700, 1727])
      expect(meanImage.data[at]).toBeCloseTo(images.reduce((sum, { data }) => sum + data[at]!, 0) / 7, 6);
  });
  it('do not depend on the threads, and take a sample by the seed', async () => {
    expect(await pictureStatistics(single, options)).toEqual(await pictureStatistics(shared, options));
    const sampled = (seed: number) => pictureStatistics(shared, { ...options, sample: 3, seed });
    expect((await sampled(1)).pictures).toBe(3);
    expect(await sampled(1)).toEqual(await sampled(1));
    expect(await sampled(1)).not.toEqual(await sampled(2));
  });
});

describe('lighting', () => {
  it('adds one shift to a whole image, with covariance 0.01 C C over many draws', () => {
    const C = [
      [0.08, 0.06, 0.05],
      [0.06, 0.09, 0.07],
      [0.05, 0.07, 0.1],
    ];
    const image = ndarray(new Float32Array(12), [3, 2, 2]);
    const draws = 40_000;
    let spread = 0;
    const shifts = Array.from({ length: draws }, (_, k) => {
      const { data } = lighting(C)(image, randomFor(31, k));
      spread = Math.max(spread, ...data.map((value, at) => Math.abs(value - data[at - (at % 4)]!)));
      return [data[0]!, data[4]!, data[8]!];
    });
    for (const a of [0, 1, 2]) {
      expect(Math.abs(shifts.reduce((sum, shift) => sum + shift[a]!, 0) / draws)).toBeLessThan(3e-4); // standard deviation 6e-5
      for (const b of [0, 1, 2]) {
        const expected = 0.01 * [0, 1, 2].reduce((sum, k) => sum + C[a]![k]! * C[k]![b]!, 0);
        const found = shifts.reduce((sum, shift) => sum + shift[a]! * shift[b]!, 0) / draws;
        expect(Math.abs(found / expected - 1)).toBeLessThan(0.04); // standard deviation at most 0.7 %
      }
    }
    expect(spread).toBe(0);
    const twice = lighting(C, { strength: 0.2 })(image, randomFor(31, 0)).data[0]!;
    expect(twice).toBeCloseTo(2 * shifts[0]![0]!, 8);
  });
  it('draws normal numbers', () => {
    const random = randomFor(3);
    const draws = Array.from({ length: 40_000 }, () => random.normal());
    const moment = (power: number): number => draws.reduce((sum, z) => sum + z ** power, 0) / draws.length;
    // standard deviations 0.005, 0.007, 0.02, 0.05
    [0, 1, 0, 3].forEach((expected, k) => expect(Math.abs(moment(k + 1) - expected)).toBeLessThan([0.025, 0.035, 0.1, 0.25][k]!));
  });
});

const miniature = fileURLToPath(new URL('../../../shared/data/imagenet-mini.tar.gz', import.meta.url));
describe.skipIf(!existsSync(miniature))('forty pictures of ImageNet', () => {
  it('have the sizes their list says', async () => {
    const own = mkdtempSync(join(root, 'imagenet-'));
    execFileSync('tar', ['xzf', miniature, '-C', own]);
    const list: { wnid: string; file: string; width: number; height: number; exif_orientation?: number }[] = JSON.parse(
      readFileSync(miniature.replace('.tar.gz', '.json'), 'utf8'),
    );
    const val = imageFolder(own, { split: 'test', workers: 2, rule: { crop: whole(64) } });
    opened.push(val);
    expect([val.length, val.classes.length, imageFolder(own).length]).toEqual([40, 40, 40]);
    const images = await Promise.all(val.files.map((_, k) => val.image(k)));
    for (const { wnid, file, width, height, exif_orientation } of list) {
      const at = val.files.indexOf(join(own, 'val', wnid, file));
      expect(val.classes[val.label(at)]).toBe(wnid);
      const [h, w] = (exif_orientation === 6 ? [width, height] : [height, width]).map((side) =>
        Math.floor((64 * side) / Math.min(width, height)),
      );
      expect([file, images[at]!.shape]).toEqual([file, [3, h, w]]);
    }
    for await (const { images } of new DataLoader(
      subset(val.withRule({ crop: { kind: 'random', shorterSide: [256, 480], size: 224 } }), 10),
      { batchSize: 10 },
    ))
      expect(images.shape).toEqual([10, 3, 224, 224]);
  });
});
