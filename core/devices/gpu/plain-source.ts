/**
 * Kernel sources after a bundler, turned into what gpu.js reads rightly. Two habits of minifiers mislead it:
 *
 *     function (e, t) { ... for (let t = 0; ...) ... }     a variable takes the name of a parameter that is not used there, and
 *                                                          gpu.js knows one thing by each name
 *     for (...) if (...) { let d = ...; e += d; }          a loop loses its braces, and on GL gpu.js loses those of the `if`
 */

/** Comments, identifiers, numbers, spaces, then every other character by itself. */
const TOKEN = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|[A-Za-z_$][\w$]*|\d[\w.]*|\s+|[\s\S]/g;

/** The source with braces around the bodies of loops, and other names for variables that hide a parameter. */
export function plainSource(source: string): string {
  const tokens: string[] = source.match(TOKEN) ?? [];
  const open = tokens.indexOf('(');
  const body = after(tokens, open);
  const parameters = new Set(tokens.slice(open + 1, body - 1).filter((token) => /^[A-Za-z_$]/.test(token)));
  for (let k = tokens.length - 1; k >= body; k--) if (tokens[k] === 'for') brace(tokens, after(tokens, tokens.indexOf('(', k)));
  for (let k = body; k < tokens.length; k++) {
    if (!isDeclaration(tokens[k]!)) continue;
    const scope = scopeOf(tokens, k, body);
    for (const name of declared(tokens, k)) if (parameters.has(name)) rename(tokens, scope, name);
  }
  return tokens.join('');
}

/** Puts the statement that begins there in braces, unless it is a block. */
function brace(tokens: string[], from: number): void {
  const first = tokens.findIndex((token, k) => k >= from && !isSpace(token));
  if (tokens[first] === '{') return;
  tokens.splice(afterStatement(tokens, from), 0, '}');
  tokens.splice(from, 0, '{');
}

/** Comments are spaces too. */
function isSpace(token: string): boolean {
  return /^\s|^\/[/*]/.test(token);
}

function isDeclaration(token: string): boolean {
  return token === 'let' || token === 'const' || token === 'var';
}

/** What `let a = f(b, c), d = e` declares: the names in front of its first `=` and behind its commas outside brackets. */
function declared(tokens: readonly string[], at: number): string[] {
  const names: string[] = [];
  let expected = true;
  for (let k = at + 1; k < tokens.length; k++) {
    const token = tokens[k]!;
    if (isSpace(token)) continue;
    if (expected) names.push(token);
    expected = token === ',';
    if (token === ';' || token === '}') return names;
    if (isOpening(token)) k = after(tokens, k) - 1;
  }
  return names;
}

interface Scope {
  readonly from: number;
  readonly to: number;
}

/** Where a declaration holds: the loop that it is the head of, else the block around it. */
function scopeOf(tokens: readonly string[], at: number, body: number): Scope {
  let depth = 0;
  for (let k = at - 1; k >= body; k--) {
    if (tokens[k] === '}' || tokens[k] === ')') depth++;
    if (tokens[k] !== '{' && tokens[k] !== '(') continue;
    if (depth > 0) depth--;
    else if (tokens[k] === '{') return { from: k, to: after(tokens, k) };
    else return { from: k, to: afterStatement(tokens, after(tokens, k)) };
  }
  return { from: body, to: tokens.length };
}

/** The position behind the statement that begins there. */
function afterStatement(tokens: readonly string[], from: number): number {
  let k = from;
  while (k < tokens.length && isSpace(tokens[k]!)) k++;
  if (tokens[k] === '{') return after(tokens, k);
  if (tokens[k] === 'for' || tokens[k] === 'if') {
    const end = afterStatement(tokens, after(tokens, tokens.indexOf('(', k)));
    const next = tokens.slice(end).findIndex((token) => !isSpace(token)) + end;
    return tokens[k] === 'if' && tokens[next] === 'else' ? afterStatement(tokens, next + 1) : end;
  }
  for (; k < tokens.length && tokens[k] !== ';' && tokens[k] !== '}'; k++) if (isOpening(tokens[k]!)) k = after(tokens, k) - 1;
  return tokens[k] === ';' ? k + 1 : k;
}

function isOpening(token: string): boolean {
  return token === '(' || token === '[' || token === '{';
}

/** The position behind the bracket that closes the one there. */
function after(tokens: readonly string[], opening: number): number {
  let depth = 0;
  for (let k = opening; k < tokens.length; k++) {
    const token = tokens[k]!;
    if (isOpening(token)) depth++;
    if (token === ')' || token === ']' || token === '}') depth--;
    if (depth === 0) return k + 1;
  }
  return tokens.length;
}

/** A name behind a dot is a property, as in `this.constants.t`. */
function rename(tokens: string[], { from, to }: Scope, name: string): void {
  const all = new Set(tokens);
  let other = `${name}_`;
  while (all.has(other)) other += '_';
  for (let k = from; k < to; k++) if (tokens[k] === name && tokens[k - 1] !== '.') tokens[k] = other;
}
