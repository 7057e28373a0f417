/** Image folders for `train` and `evaluate`, treated as the paper treats ImageNet (arXiv:1512.03385, sec. 3.4). */
import {
  type CropRule,
  DataLoader,
  imageFolder,
  type PictureRule,
  type PictureStatistics,
  pictureStatistics,
  subset,
} from '../data/index.ts';
import { channelMeans, imageTransforms, type Normalisation, type RunSettings, splitFor } from '../training/index.ts';
import {
  type EvaluationData,
  evaluationBatch,
  type ImageSettings,
  type ReadOptions,
  type Split,
  type TrainingData,
  testIfAny,
  type Views,
} from './images.ts';

/** The paper's numbers for crops of 224; other sizes keep the proportions. */
const PAPER = { size: 224, shorterSide: [256, 480], testSide: 256, scales: [224, 256, 384, 480, 640] } as const;
/** Sides of whole pictures are cut to a multiple, so that few plans are compiled. */
const WHOLE_MULTIPLE = 32;
/** Pictures that means and covariance are taken over. */
const SAMPLE = 2000;

export async function openFolderTraining(settings: RunSettings, options: ReadOptions): Promise<TrainingData> {
  const { size, seed, shuffle, augment } = settings;
  const plain = imageFolder(directoryOf(settings), {
    ...folderOptions(settings, options, 'train'),
    rule: { crop: centre(size) },
  });
  const statistics = await pictureStatistics(plain, {
    sample: SAMPLE,
    seed,
    size,
    shorterSide: scaled(PAPER.testSide, size),
    ...unreadableOptions(options),
  });
  const normalisation = normalisationOf(settings, statistics);
  const parts = splitFor(settings, plain.files.length);
  const rules: Readonly<Record<RunSettings['augment'], PictureRule>> = {
    none: { crop: centre(size), ...normaliseRule(normalisation) },
    cifar: { crop: centre(size) }, // the loader does the rest
    imagenet: { crop: random(size), lighting: statistics.covariance, ...normaliseRule(normalisation) },
  };
  const transform = augment === 'cifar' ? { transform: imageTransforms(settings, normalisation).training } : {};
  const trained = subset(plain.withRule(rules[augment]), parts.training);
  const unreadable = unreadableOptions(options);
  const validation = subset(plain.withRule({ crop: centre(size), ...normaliseRule(normalisation) }), parts.heldOut);
  const held: TrainingData['heldOut'] =
    validation.length > 0
      ? {
          split: 'validation',
          classes: plain.classes,
          viewsPerImage: 1,
          passes: () => [new DataLoader(validation, { batchSize: evaluationBatch(settings.batchSize), ...unreadable })],
          close: async () => undefined,
        }
      : testIfAny(() => openFolderTest(settings, normalisation, options, { split: 'test', views: 'single' }));
  return {
    classes: plain.classes,
    side: size,
    count: trained.length,
    normalisation,
    training: (batchSize) => new DataLoader(trained, { batchSize, shuffle, seed, ...transform, ...unreadable }),
    heldOut: held,
    close: async () => {
      await Promise.all([plain.close?.(), held?.close()]);
    },
  };
}

export function openFolderTest(
  settings: ImageSettings,
  normalisation: Normalisation,
  options: ReadOptions,
  { split, views, scales }: { readonly split: Split; readonly views: Views; readonly scales?: readonly number[] },
): EvaluationData {
  const rules = rulesFor(views, settings.size, scales, normalisation);
  const folder = imageFolder(directoryOf(settings), { ...folderOptions(settings, options, split), rule: rules[0]! });
  const batchSize = views === 'multi-scale' ? 1 : evaluationBatch(settings.batchSize);
  const folders = rules.map((rule) => folder.withRule(rule));
  return {
    split,
    classes: folder.classes,
    viewsPerImage: folder.viewsPerImage,
    passes: () => folders.map((each) => new DataLoader(each, { batchSize, ...unreadableOptions(options) })),
    close: async () => folder.close?.(),
  };
}

/** One view; the ten crops; or whole pictures and their mirror images at several scales, one at a time since they differ in size. */
function rulesFor(
  views: Views,
  size: number,
  scales: readonly number[] | undefined,
  normalisation: Normalisation,
): PictureRule[] {
  const shorterSide = scaled(PAPER.testSide, size);
  if (views === 'single') return [{ crop: centre(size), ...normaliseRule(normalisation) }];
  if (views === 'ten-crop') return [{ crop: { kind: 'ten', shorterSide, size }, ...normaliseRule(normalisation) }];
  const { mean, std } = normalisation;
  const byChannel = normaliseRule({ mean: 'shape' in mean ? channelMeans(mean) : mean, std });
  return (scales ?? PAPER.scales.map((side) => scaled(side, size))).flatMap((side) =>
    [false, true].map(
      (flip): PictureRule => ({ crop: { kind: 'whole', shorterSide: side, multiple: WHOLE_MULTIPLE, flip }, ...byChannel }),
    ),
  );
}

const scaled = (length: number, size: number): number => Math.round((length * size) / PAPER.size);
const centre = (size: number): CropRule => ({ kind: 'centre', shorterSide: scaled(PAPER.testSide, size), size });
const random = (size: number): CropRule => ({
  kind: 'random',
  shorterSide: [scaled(PAPER.shorterSide[0], size), scaled(PAPER.shorterSide[1], size)],
  size,
});

function directoryOf({ data }: ImageSettings): string {
  if (data !== null) return data;
  throw new Error('--dataset imagefolder needs --data DIR, the directory with train/<class>/ and val/<class>/');
}

function folderOptions({ seed, limit }: ImageSettings, { workers }: ReadOptions, split: Split) {
  return { split, seed, ...(workers !== undefined && { workers }), ...(limit !== null && { limit }) };
}

/** What cannot be read is named, and left out up to a limit. */
function unreadableOptions({ skip }: ReadOptions) {
  return {
    unreadableLimit: skip,
    onUnreadable: (error: Error, count: number) => console.error(`left out (${count} so far): ${error.message}`),
  };
}

function normalisationOf({ mean, std }: RunSettings, statistics: PictureStatistics): Normalisation {
  if (typeof mean !== 'string') return { mean, std };
  return { mean: mean === 'channel' ? statistics.mean : statistics.meanImage, std };
}

function normaliseRule({ mean, std }: Normalisation): Pick<PictureRule, 'normalise'> {
  if (!('shape' in mean)) return { normalise: { mean, std } };
  if (std.some((value) => value !== 1)) throw new Error('--mean pixel subtracts a picture and goes without --std');
  return { normalise: { meanImage: mean.data } };
}
