/**
 * Every model of the paper by name, with the paper's figures: layers and multiply-adds of table 1, parameters of sec. 4.2 and table 6.
 * The paper gives no parameters for ImageNet; those are torchvision's (option B). Where it gives nothing, there is undefined.
 */
import type { Shape } from '../core/index.ts';
import type { Module } from '../nn/index.ts';
import * as cifar from './cifarResnet.ts';
import * as imageNet from './resnet.ts';

/** A network of the paper, beside the paper's figures. */
export interface ModelEntry {
  /** As on the command line: `resnet20`. */
  readonly name: string;
  /** Whose images it takes: of 224 x 224 or of 32 x 32 pixels. */
  readonly family: 'imagenet' | 'cifar';
  /** Makes the network. */
  readonly build: (options?: imageNet.ResNetOptions) => Module;
  /** One image of the size in the paper: [1, 3, 224, 224] or [1, 3, 32, 32]. */
  readonly inputShape: Shape;
  /** Convolutions and linear layers on the main path. */
  readonly layers: number;
  /** The paper's number, torchvision's for ImageNet; undefined where there is none. */
  readonly parameters: number | undefined;
  /** The paper's number for one image; undefined where there is none. */
  readonly multiplyAdds: number | undefined;
  /** Without shortcuts. */
  readonly plain: boolean;
}

const imageNetEntry = (
  name: string,
  build: ModelEntry['build'],
  layers: number,
  parameters?: number,
  multiplyAdds?: number,
): ModelEntry => {
  return {
    name,
    family: 'imagenet',
    build,
    inputShape: [1, 3, 224, 224],
    layers,
    parameters,
    multiplyAdds,
    plain: isPlain(name),
  };
};

const cifarEntry = (
  name: string,
  build: ModelEntry['build'],
  layers: number,
  parameters?: number,
  multiplyAdds?: number,
): ModelEntry => {
  return { name, family: 'cifar', build, inputShape: [1, 3, 32, 32], layers, parameters, multiplyAdds, plain: isPlain(name) };
};

const isPlain = (name: string): boolean => name.includes('plain');

const entries: readonly ModelEntry[] = [
  imageNetEntry('resnet18', imageNet.resnet18, 18, 11_689_512, 1.8e9),
  imageNetEntry('resnet34', imageNet.resnet34, 34, 21_797_672, 3.6e9),
  imageNetEntry('resnet50', imageNet.resnet50, 50, 25_557_032, 3.8e9),
  imageNetEntry('resnet101', imageNet.resnet101, 101, 44_549_160, 7.6e9),
  imageNetEntry('resnet152', imageNet.resnet152, 152, 60_192_808, 11.3e9),
  imageNetEntry('plain18', imageNet.plain18, 18, undefined, 1.8e9),
  imageNetEntry('plain34', imageNet.plain34, 34, undefined, 3.6e9),
  cifarEntry('resnet20', cifar.resnet20, 20, 0.27e6, 41e6),
  cifarEntry('resnet32', cifar.resnet32, 32, 0.46e6, 69e6),
  cifarEntry('resnet44', cifar.resnet44, 44, 0.66e6, 97e6),
  cifarEntry('resnet56', cifar.resnet56, 56, 0.85e6, 125e6),
  cifarEntry('resnet110', cifar.resnet110, 110, 1.7e6, 253e6),
  cifarEntry('resnet1202', cifar.resnet1202, 1202, 19.4e6, 2.8e9),
  cifarEntry('plain20', cifar.plain20, 20),
  cifarEntry('plain32', cifar.plain32, 32),
  cifarEntry('plain44', cifar.plain44, 44),
  cifarEntry('plain56', cifar.plain56, 56),
  cifarEntry('plain110', cifar.plain110, 110),
];

/** The paper's networks by name, in the order of the command `models`. */
export const modelTable: ReadonlyMap<string, ModelEntry> = new Map(entries.map((entry) => [entry.name, entry]));

/** All names that `modelNamed` knows, as a text for messages. */
export const MODEL_NAMES = `${[...modelTable.keys()].join(', ')}, or cifar-resnet<N> and cifar-plain<N> for any N = 6n + 2`;

/**
 * The network of a name: one of `modelTable`, or a CIFAR network of any depth, `cifar-resnet26` or `cifar-plain26`. Undefined for other
 * names; throws a RangeError for a depth that is not 6n + 2.
 */
export function modelNamed(name: string): ModelEntry | undefined {
  const [, kind, digits] = /^cifar-(resnet|plain)([1-9]\d{0,3})$/.exec(name) ?? [];
  if (kind === undefined) return modelTable.get(name);
  const depth = Number(digits);
  cifar.blocksPerStage(depth);
  const shortcuts = kind === 'plain' ? { shortcut: 'none' as const } : {};
  return cifarEntry(name, (options = {}) => cifar.cifarResnet({ ...shortcuts, ...options, depth }), depth);
}
