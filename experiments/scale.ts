/** A preset, with what the user wants otherwise. */
import { blocksPerStage } from '../models/cifarResnet.ts';
import { modelTable } from '../models/index.ts';
import type { Experiment, PresetName, Scale } from './experiment.ts';
import { FAMILIES, networkName } from './networks.ts';

export interface ScaleChanges {
  readonly depths?: readonly number[];
  readonly seeds?: number;
  readonly epochs?: number;
}

/** Throws a RangeError for depths that the experiment has no networks of, or too few or too many of them to compare. */
export function scaleOf(experiment: Experiment, preset: PresetName, { depths, seeds, epochs }: ScaleChanges): Scale {
  const scale = experiment.scales[preset];
  if (depths !== undefined) checkDepths(experiment, scale, depths);
  const { steps, ...settings } = scale.settings;
  return {
    ...scale,
    ...(depths && { depths }),
    ...(seeds !== undefined && { seeds }),
    ...(epochs !== undefined && { settings: { ...settings, epochs } }),
  };
}

function checkDepths({ name, images }: Experiment, scale: Scale, depths: readonly number[]): void {
  const [several, given] = [scale.depths.length > 1, new Set(depths).size];
  if (several ? given < 2 : given !== 1)
    throw new RangeError(
      `depths ${depths.join(',')} given; experiment ${name} ${several ? 'compares depths: give two or more' : 'has networks of one depth: give one'}`,
    );
  for (const depth of depths) {
    if (images === 'cifar10') blocksPerStage(depth);
    else if (!FAMILIES.every((family) => modelTable.has(networkName(family, depth))))
      throw new RangeError(`depth ${depth} given; there are plain and residual networks for pictures with 18 and with 34 layers`);
  }
}

/** The options that make this scale of a preset again. */
export function scaleOptions(preset: PresetName, { depths, seeds, epochs }: ScaleChanges): string {
  return [
    `--preset ${preset}`,
    ...(depths ? [`--depths ${depths.join(',')}`] : []),
    ...(seeds === undefined ? [] : [`--seeds ${seeds}`]),
    ...(epochs === undefined ? [] : [`--epochs ${epochs}`]),
  ].join(' ');
}
