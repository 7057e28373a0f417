/**
 * The directory of a run, wherever it lies: on a disk (runDirectory.ts) or in one file (runArchive.ts).
 *
 *     settings.json                 the whole configuration
 *     metrics.jsonl                 a line for each step and epoch
 *     curves.svg                    training and test error
 *     mean.safetensors              what is subtracted from the pixels
 *     model.safetensors             the weights at the end
 *     checkpoints/step-00000123/    see checkpointFormat.ts: the last few, and the best
 */

/** The file with the whole configuration. */
export const SETTINGS_FILE = 'settings.json';
/** The file with a line for each step and epoch. */
export const METRICS_FILE = 'metrics.jsonl';
/** The picture of training and test error. */
export const CURVES_FILE = 'curves.svg';
/** The file with what is subtracted from the pixels. */
export const MEAN_FILE = 'mean.safetensors';
/** The file with the weights at the end; also that of a checkpoint's weights. */
export const WEIGHTS_FILE = 'model.safetensors';
export const CHECKPOINTS = 'checkpoints';

/** Ends the name of a checkpoint that is about to take the place of an older one; it is whole. */
export const REPLACEMENT = '.new';

export const checkpointName = (step: number): string => `step-${String(step).padStart(8, '0')}`;

/** The names of checkpoints among those given, oldest first; of two for the same step the replacement comes last. */
export function checkpointNames(names: Iterable<string>): string[] {
  const found = [...names].filter((name) => /^step-\d{8,15}(\.new)?$/.test(name));
  return found.sort((a, b) => stepOf(a) - stepOf(b) || a.length - b.length);
}

/** The step in a checkpoint's name. */
export const stepOf = (name: string): number => Number.parseInt(name.slice('step-'.length), 10);
