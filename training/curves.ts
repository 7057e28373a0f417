/** Training curves as a picture, in the style of fig. 6 of the paper (arXiv:1512.03385): training error thin, test error bold. */
import type { Markish } from '@observablehq/plot';
import type { EpochRecord } from './progress.ts';

/** A run in the picture. */
export interface Curve {
  /** Stands at the end of its curves. */
  readonly name: string;
  /** Its epochs, in order. */
  readonly history: readonly EpochRecord[];
}

interface Point {
  readonly run: string;
  readonly step: number;
  readonly error: number;
}

const [WIDTH, HEIGHT] = [800, 480];
/** About the width of a letter, for the names behind the curves. */
const LETTER = 8;
/** Height of a line of text, as a share of the axis of errors. */
const LINE = 0.036;
/** As many colours as the scheme has; curves beyond them are dashed, and so are their names. */
const COLOURS = 10;
/** Larger errors say only that the training has just begun, unless one stays there. */
const USUAL_LARGEST_ERROR = 60;

/** The runs in one picture: an SVG document. Errors in percent over steps. */
export async function drawCurves(curves: readonly Curve[]): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]); // large: only where it is used
  const training = curves.flatMap(({ name, history }) => points(name, history, ({ trainError }) => trainError));
  const heldOut = curves.flatMap(({ name, history }) => points(name, history, (record) => record.heldOut?.error));
  const top = largest(training);
  const names = namePlaces(heldOut.length > 0 ? heldOut : training, top);
  const dashed = new Set(curves.slice(COLOURS).map(({ name }) => name));
  const lines = (all: readonly Point[], strokeWidth: number): Markish[] =>
    [false, true].map((isDashed) => {
      const dashes = isDashed ? { strokeDasharray: '6 3' } : {};
      const some = all.filter(({ run }) => dashed.has(run) === isDashed);
      return Plot.line(some, { x: 'step', y: 'error', z: 'run', stroke: 'run', strokeWidth, ...dashes });
    });
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const picture = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 56,
    marginRight: (dashed.size > 0 ? 48 : 24) + LETTER * Math.max(0, ...curves.map(({ name }) => name.length)),
    marginTop: 32,
    marginBottom: 48,
    style: { background: 'white', color: 'black', fontFamily: 'sans-serif', fontSize: '13px' },
    x: { label: 'steps', labelAnchor: 'center', labelArrow: 'none', grid: true },
    y: { label: 'error (%)', labelAnchor: 'center', labelArrow: 'none', grid: true, domain: [0, top], clamp: true },
    color: { domain: curves.map(({ name }) => name), scheme: 'Observable10' },
    marks: [
      Plot.ruleY([0]),
      ...lines(training, 1),
      ...lines(heldOut, 2.5),
      Plot.dot(training, { x: 'step', y: 'error', fill: 'run', r: 1.5 }),
      Plot.dot(heldOut, { x: 'step', y: 'error', fill: 'run', r: 2.5 }),
      Plot.text(names, {
        x: 'step',
        y: 'error',
        text: ({ run }) => (dashed.has(run) ? `${run} - -` : run),
        fill: 'run',
        dx: 8,
        textAnchor: 'start',
      }),
      Plot.text([legend(curves)], { frameAnchor: 'top-right', dy: -16, fontSize: 12 }), // above the frame, where no curve is
    ],
  });
  picture.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${picture.outerHTML}\n`;
}

function points(run: string, history: readonly EpochRecord[], error: (record: EpochRecord) => number | undefined): Point[] {
  return history.flatMap((record): Point[] => {
    const value = error(record);
    return value === undefined ? [] : [{ run, step: record.step, error: 100 * value }];
  });
}

/** Names at the ends of the curves, moved up or down where they would lie on one another. */
function namePlaces(points: readonly Point[], top: number): Point[] {
  const ends = new Map(points.map((point) => [point.run, { ...point, error: Math.min(point.error, top) }])); // the last point of each
  const places = [...ends.values()].sort((a, b) => a.error - b.error);
  const line = LINE * top;
  let floor = 0;
  for (const [k, place] of places.entries()) {
    places[k] = { ...place, error: Math.max(place.error, floor) };
    floor = places[k].error + line;
  }
  let ceiling = top;
  for (let k = places.length - 1; k >= 0; k--) {
    places[k] = { ...places[k]!, error: Math.min(places[k]!.error, ceiling) };
    ceiling = places[k]!.error - line;
  }
  return places;
}

/** Where the axis of errors ends. */
function largest(training: readonly Point[]): number {
  const runs = new Map(training.map(({ run, error }) => [run, error])); // the last error of each
  return Math.max(0, ...runs.values()) > USUAL_LARGEST_ERROR * 0.8 ? 100 : USUAL_LARGEST_ERROR;
}

function legend(curves: readonly Curve[]): string {
  const splits = new Set(curves.flatMap(({ history }) => history.flatMap(({ heldOut }) => heldOut?.split ?? [])));
  return splits.size === 0 ? 'training error' : `thin: training error, bold: ${[...splits].join(' or ')} error`;
}
