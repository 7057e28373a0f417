/** The device checker: every device's values and gradients against the reference's float64. */
import { DEVICE_NAMES, type DeviceName, openDevice } from '../core/devices/current.ts';
import type { Device } from '../core/devices/device.ts';
import { formatShape, type Shape, stridesOf } from '../core/shape.ts';
import type { State } from '../core/state.ts';
import { gradient } from '../core/tape.ts';
import { tensor } from '../core/tensor.ts';
import { project } from './differences.ts';
import { evaluate, largestDifference, reference } from './evaluate.ts';
import { type CheckInput, type Formula, pointsOf, type Source, sourcesOf, withParameters } from './inputs.ts';
import { shrink } from './shrink.ts';

/** Options of `checkDevices`. */
export interface DeviceCheckOptions {
  /** By name; every device that there is, without it. One that cannot run here is skipped and named in the report. */
  readonly devices?: readonly Exclude<DeviceName, 'auto'>[];
  /** Of the values drawn and the weights of the output; 1 by default. */
  readonly seed?: number;
  /**
   * Largest difference allowed, as a share of |expected| + 1e-3 max |expected|; 1e-4 by default, for float32 with sums of products of either
   * sign. Formulas with long sums that cancel need more.
   */
  readonly tolerance?: number;
  /** False keeps the shapes given when a device disagrees; true by default. */
  readonly shrink?: boolean;
  /** States that the formula reads: gradients by them are compared too, at values near their own. */
  readonly parameters?: readonly State[];
}

/** What `checkDevices` found where no device disagrees. */
export interface DeviceReport {
  /** The devices that agree with the reference. */
  readonly devices: readonly {
    /** As `useDevice` takes it. */
    readonly name: string;
    /** |found - expected| as a share of |expected| + 1e-3 max |expected|, where it is largest. */
    readonly largestDifference: number;
  }[];
  /** The devices that cannot run here. */
  readonly skipped: readonly {
    /** As `useDevice` takes it. */
    readonly name: string;
    /** Why, and what it needs. */
    readonly reason: string;
  }[];
}

/** What is known of a device that disagrees, in the smallest shapes in which it does. */
export interface DeviceProblem {
  /** Its name. */
  readonly device: string;
  /** `the value` or `the gradient by input 0`. */
  readonly what: string;
  /** The index of the element that differs most. */
  readonly element: readonly number[];
  /** By the reference. */
  readonly expected: number;
  /** By the device. */
  readonly found: number;
  /** |found - expected| as a share of |expected| + 1e-3 max |expected|. */
  readonly difference: number;
  /** Shapes of the inputs, then of the parameters. */
  readonly shapes: readonly Shape[];
  /** That of the values. */
  readonly seed: number;
}

/** A device that disagrees with the reference. */
export class DeviceMismatchError extends Error {
  /** Always `DeviceMismatchError`. */
  override readonly name = 'DeviceMismatchError';

  /** The message says all of `problem`. */
  constructor(
    /** The disagreement as data. */
    readonly problem: DeviceProblem,
  ) {
    const { device, what, element, expected, found, difference, shapes, seed } = problem;
    super(
      `checkDevices: ${what} is wrong on ${device}: at element ${formatShape(element)} it gives ${found}, the reference ${expected}, a relative difference of ${Number(difference.toPrecision(2))} (shapes ${shapes.map(formatShape).join(' ')}, seed ${seed})`,
    );
  }
}

/**
 * Runs a formula and its gradients on every device and compares them with the reference, from the same float32 inputs. Opens devices of its
 * own: the current one and its States stay as they are. Throws a DeviceMismatchError for the smallest shapes in which a device disagrees.
 */
export async function checkDevices(
  formula: Formula,
  inputs: readonly CheckInput[],
  options: DeviceCheckOptions = {},
): Promise<DeviceReport> {
  const names = options.devices ?? DEVICE_NAMES.filter((name) => name !== 'auto' && name !== 'reference');
  const devices: { name: string; largestDifference: number }[] = [];
  const skipped: { name: string; reason: string }[] = [];
  for (const name of names) {
    let device: Device;
    try {
      device = await openDevice(name, {});
    } catch (error) {
      skipped.push({ name, reason: error instanceof Error ? error.message : String(error) });
      continue;
    }
    try {
      devices.push({ name, largestDifference: await checkDevice(device, formula, inputs, options) });
    } finally {
      device.destroy();
    }
  }
  return { devices, skipped };
}

/** The same for one device that is open. Gives the largest difference. */
export async function checkDevice(
  device: Device,
  formula: Formula,
  inputs: readonly CheckInput[],
  { seed = 1, tolerance = 1e-4, parameters = [], shrink: shrinks = true }: Omit<DeviceCheckOptions, 'devices'> = {},
): Promise<number> {
  const sources = await sourcesOf(inputs, parameters, seed);
  const whole = withParameters(formula, parameters);
  const shapes = sources.map((source) => source.shape);
  const worst = await worstOn(device, whole, sources, shapes, seed);
  if (worst.difference < tolerance) return worst.difference;
  const wrongToo = async (smaller: readonly Shape[]): Promise<DeviceProblem | undefined> => {
    try {
      const other = await worstOn(device, whole, sources, smaller, seed);
      return other.difference < tolerance ? undefined : other;
    } catch {
      return undefined;
    }
  };
  const changes = sources.map((source) => source.shrinks && shrinks);
  throw new DeviceMismatchError((await shrink({ shapes, found: worst }, changes, wrongToo)).found);
}

async function worstOn(
  device: Device,
  formula: Formula,
  sources: readonly Source[],
  shapes: readonly Shape[],
  seed: number,
): Promise<DeviceProblem> {
  // Both start from the same float32 numbers: rounding the inputs is not the device's error.
  const tensors = pointsOf(sources, shapes).map(({ shape, data }) => tensor(Float32Array.from(data), shape));
  const wanted = sources.flatMap((source, k) => (source.differentiable ? [k] : []));
  const output = formula(...tensors);
  const targets = wanted.map((k) => tensors[k]!);
  const results = [output, ...(wanted.length === 0 ? [] : gradient(project(output, seed + 2), targets))];
  const [expected, found] = [await evaluate(results, reference), await evaluate(results, device)];
  const differences = results.map((_, k) => largestDifference(found[k]!, expected[k]!));
  const errors = differences.map(({ error }) => error);
  const worst = errors.indexOf(Math.max(...errors));
  const { error, at } = differences[worst]!;
  const shape = results[worst]!.shape;
  const strides = stridesOf(shape);
  return {
    device: device.name,
    what: worst === 0 ? 'the value' : `the gradient by ${sources[wanted[worst - 1]!]!.name}`,
    element: shape.map((length, axis) => Math.floor(at / strides[axis]!) % length),
    expected: expected[worst]![at]!,
    found: found[worst]![at]!,
    difference: error,
    shapes,
    seed,
  };
}
