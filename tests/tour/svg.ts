/** Drawings as plain SVG text on a white card, readable on light and dark pages. */
export const INK = '#1f2328';
export const LEAF = '#ddf4ff';
export const FORWARD = '#fff8c5';
export const BACKWARD = '#ffebe9';
const LINE = '#8c959f';
const FONT = 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace';

export function drawing(width: number, height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="${FONT}" font-size="13">
<title>${escaped(title)}</title>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${INK}"/></marker></defs>
<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`;
}

export function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end' = 'middle'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" dominant-baseline="central" fill="${INK}">${escaped(content)}</text>`;
}

export function rectangle(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="3" fill="${fill}" stroke="${INK}"/>`;
}

/** A cell of a grid, or an outline around some: corners meet. */
export function cell(x: number, y: number, width: number, height: number, fill: string, stroke = LINE): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}" stroke="${stroke}"/>`;
}

export function arrow(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${INK}" marker-end="url(#head)"/>`;
}

/** Up from one point, along a line at `height`, and down to another. */
export function detour(x1: number, y1: number, height: number, x2: number, y2: number): string {
  return `<path d="M${x1} ${y1}V${height}H${x2}V${y2}" fill="none" stroke="${INK}" marker-end="url(#head)"/>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
