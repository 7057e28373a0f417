/** Formulas as a page prints them: what stands side by side is multiplied, `tanh(x)` is a call, and names may have spaces in them. */
export type Values = Record<string, number | ((x: number) => number)>;

/** The number that a formula gives. */
export function evaluate(formula: string, values: Values): number {
  const { tokens, named } = tokensOf(formula, values);
  const result = sum(tokens, named);
  if (tokens.length > 0) throw new Error(`"${formula}" cannot be read from "${tokens.join(' ')}" on`);
  return result;
}

/** Names that are no single word become one first. */
function tokensOf(formula: string, values: Values): { tokens: string[]; named: Map<string, Values[string]> } {
  const named = new Map(Object.entries(values));
  let text = formula;
  for (const [k, name] of Object.keys(values).entries()) {
    if (/^\w+$/.test(name)) continue;
    text = text.replaceAll(name, ` name${k} `);
    named.set(`name${k}`, values[name]!);
  }
  return { tokens: text.match(/\d+(?:\.\d+)?|\w+|\S/g) ?? [], named };
}

type Named = ReadonlyMap<string, Values[string]>;

function sum(tokens: string[], named: Named): number {
  let total = product(tokens, named);
  while (tokens[0] === '+' || tokens[0] === '-')
    total += tokens.shift() === '+' ? product(tokens, named) : -product(tokens, named);
  return total;
}

function product(tokens: string[], named: Named): number {
  if (tokens[0] === '-') {
    tokens.shift();
    return -product(tokens, named);
  }
  let total = power(tokens, named);
  while (tokens[0] !== undefined && !/^[-+)]$/.test(tokens[0])) {
    if (tokens[0] === '/') {
      tokens.shift();
      total /= power(tokens, named);
    } else total *= power(tokens, named);
  }
  return total;
}

function power(tokens: string[], named: Named): number {
  const base = factor(tokens, named);
  if (tokens[0] !== '^') return base;
  tokens.shift();
  return base ** factor(tokens, named);
}

function factor(tokens: string[], named: Named): number {
  const token = tokens.shift() ?? 'nothing';
  if (token === '(') {
    const inside = sum(tokens, named);
    tokens.shift();
    return inside;
  }
  const value = /^\d/.test(token) ? Number(token) : named.get(token);
  if (value === undefined) throw new Error(`"${token}" has no value in this formula`);
  return typeof value === 'number' ? value : value(factor(tokens, named));
}
