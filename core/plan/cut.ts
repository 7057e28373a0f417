/**
 * Cuts a plan at the steps that its device has no kernels for: they run on the host, between pieces that are plans of their own.
 *
 *     piece 0 -> read back -> host step -> piece 1 -> read back -> host step -> ... -> last piece, which writes the States
 *
 * A value that crosses a cut is read at the end of the piece that makes it, and is a feed of every piece that uses it later.
 */
import type { Plan, PlanStep, PlanValue } from './plan.ts';

/** A plan over the values and States of the whole one. */
export interface Piece {
  readonly plan: Plan;
  /** Where its steps begin in the whole plan. */
  readonly from: number;
  /** The step that the host runs behind it; none behind the last piece. */
  readonly hostStep: PlanStep | undefined;
}

/** The pieces in order; just one, the plan itself, where no step is the host's. */
export function cut(plan: Plan, onHost: (step: PlanStep) => boolean): Piece[] {
  const cuts = plan.steps.flatMap((step, k) => (onHost(step) ? [k] : []));
  if (cuts.length === 0) return [{ plan, from: 0, hostStep: undefined }];
  const whole = withoutDirectWritesBy(plan, new Set(cuts.map((k) => plan.steps[k]!.output)));
  const starts = [0, ...cuts.map((k) => k + 1)];
  const pieces = starts.map((from, k) => ({
    from,
    steps: whole.steps.slice(from, cuts[k]),
    hostStep: whole.steps[cuts[k] ?? -1],
  }));
  return pieces.map((piece, k) => ({
    plan: pieceOf(whole, piece.steps, neededAfter(whole, pieces.slice(k), piece.hostStep), k === pieces.length - 1),
    from: piece.from,
    hostStep: piece.hostStep,
  }));
}

/** What the host computes reaches a State as every feed does: at the end. */
function withoutDirectWritesBy(plan: Plan, hostOutputs: ReadonlySet<number>): Plan {
  const values = plan.values.map(
    (value, k): PlanValue => (hostOutputs.has(k) ? { ...value, location: { in: 'feed', index: -1 } } : value),
  );
  const states = plan.states.map((state) =>
    state.write !== undefined && hostOutputs.has(state.write) ? { ...state, direct: false } : state,
  );
  return { ...plan, values, states };
}

type Part = { readonly steps: readonly PlanStep[]; readonly hostStep: PlanStep | undefined };

/** Values that must be on the host when the first of `parts` has run: what its host step takes, and what leaves its slots for later. */
function neededAfter(plan: Plan, [, ...later]: readonly Part[], hostStep: PlanStep | undefined): Set<number> {
  const inState = (value: number): boolean => plan.values[value]!.location.in === 'state';
  const needed = new Set(hostStep?.inputs ?? []);
  const steps = later.flatMap((part) => [...part.steps, ...(part.hostStep === undefined ? [] : [part.hostStep])]);
  const ends = [...plan.reads, ...plan.states.flatMap(({ write }) => (write === undefined ? [] : [write]))];
  for (const value of [...steps.flatMap((step) => step.inputs), ...ends]) if (!inState(value)) needed.add(value);
  return needed;
}

function pieceOf(plan: Plan, steps: readonly PlanStep[], needed: ReadonlySet<number>, isLast: boolean): Plan {
  const made = new Set(steps.map((step) => step.output));
  const states = plan.states.map((state) => (isLast || state.direct ? state : { ...state, write: undefined }));
  const used = [
    ...steps.flatMap((step) => step.inputs),
    ...states.flatMap(({ write }) => (write === undefined ? [] : [write])),
    ...(isLast ? plan.reads : []),
  ];
  const feeds = [...new Set(used)].filter((value) => !made.has(value) && plan.values[value]!.location.in !== 'state');
  const feedIndex = new Map(feeds.map((value, index) => [value, index]));
  const values = plan.values.map((value, k): PlanValue => {
    const index = feedIndex.get(k);
    return index === undefined ? value : { ...value, location: { in: 'feed', index } };
  });
  const readable = (value: number): boolean => made.has(value) || plan.values[value]!.location.in === 'state';
  return { ...plan, steps, values, feeds, states, reads: isLast ? plan.reads : [...needed].filter(readable) };
}
