/** The images that a run is on: built in, or given by a person. */
import { type CifarFile, cifar10FromFiles, DataError, type Dataset, synthetic } from 'tapegrad/data';

/** As many as the command line has without --limit. */
const SYNTHETIC = { train: 1600, test: 500 };
const CIFAR_BATCH = /(?:^|\/)(data_batch_\d|test_batch)\.bin$/;

export interface PageImages {
  readonly training: Dataset;
  /** Undefined where none were given; then part of the training images is held out. */
  readonly test: Dataset | undefined;
}

export function builtIn(seed: number): PageImages {
  return {
    training: synthetic({ split: 'train', count: SYNTHETIC.train, seed }),
    test: synthetic({ split: 'test', count: SYNTHETIC.test, seed }),
  };
}

/** Of the training images, how many must be held out to test on. */
export function heldOutCount({ training, test }: PageImages): number {
  return test === undefined ? Math.max(1, Math.min(1000, Math.floor(training.length / 5))) : 0;
}

/** From .bin files, by their official names, or by any name when they are all there is. Throws a DataError. */
export function cifarImages(files: readonly CifarFile[]): PageImages {
  if (files.length === 0) throw new DataError('no file was given; choose cifar-10-binary.tar.gz, or its .bin files');
  const official = files.filter(({ name }) => CIFAR_BATCH.test(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const taken = official.length > 0 ? official : files;
  const isTest = ({ name }: CifarFile): boolean => name.endsWith('test_batch.bin');
  const training = taken.filter((file) => !isTest(file));
  const test = taken.filter(isTest);
  if (training.length === 0) return { training: cifar10FromFiles(test), test: undefined };
  return { training: cifar10FromFiles(training), test: test.length > 0 ? cifar10FromFiles(test) : undefined };
}
