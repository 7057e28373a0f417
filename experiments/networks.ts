/** Arms of the networks in `models`, plain and residual side by side. */
import { cifarResnet, modelTable } from '../models/index.ts';
import type { Initialiser, Shortcut } from '../nn/index.ts';
import type { Arm, Scale } from './experiment.ts';

export interface CifarArm {
  readonly name: string;
  readonly depth: number;
  readonly shortcut: Shortcut;
  readonly weights?: Initialiser;
}

export function cifarArm({ name, depth, shortcut, weights }: CifarArm, { width }: Scale): Arm {
  const fixed = { depth, shortcut, ...(width !== undefined && { width }), ...(weights && { weights }) };
  return { name, build: (start) => cifarResnet({ ...start, ...fixed }) };
}

export type Family = 'plain' | 'resnet';
export const FAMILIES: readonly Family[] = ['plain', 'resnet'];

/** plain20, resnet20, plain56, ... */
export const networkName = (family: Family, depth: number): string => `${family}${depth}`;

/** The paper's CIFAR networks of every depth: no shortcuts, and option A. */
export function cifarArms(scale: Scale): Arm[] {
  return scale.depths.flatMap((depth) =>
    FAMILIES.map((family) =>
      cifarArm({ name: networkName(family, depth), depth, shortcut: family === 'plain' ? 'none' : 'A' }, scale),
    ),
  );
}

/** The paper's ImageNet networks of every depth: no shortcuts, and option A as in table 2, without more parameters. */
export function imageNetArms({ depths, width }: Scale): Arm[] {
  return depths.flatMap((depth) =>
    FAMILIES.map((family): Arm => {
      const name = networkName(family, depth);
      const { build } = modelTable.get(name)!;
      const fixed = { ...(width !== undefined && { width }), ...(family === 'resnet' && { shortcut: 'A' as const }) };
      return { name, build: (start) => build({ ...start, ...fixed }) };
    }),
  );
}
