/** Kernel sources as minifiers leave them. */
import { describe, expect, it } from 'vitest';
import { plainSource } from '../../../core/devices/gpu/plain-source.ts';

describe('a variable that hides a parameter gets another name', () => {
  it.each([
    [
      'in a loop without braces',
      'function(e,t){for(let t=0;t<3;t++)e+=t;return t}',
      'function(e,t){for(let t_=0;t_<3;t_++){e+=t_;}return t}',
    ],
    [
      'in loops inside each other, and behind an if with its else',
      'function(e,t){for(let t=0;t<3;t++)for(let e=0;e<2;e++)if(t>e)f(t);else g(t);return e[t]}',
      'function(e,t){for(let t_=0;t_<3;t_++){for(let e_=0;e_<2;e_++){if(t_>e_)f(t_);else g(t_);}}return e[t]}',
    ],
    ['in a block', 'function(e,t){if(e){let n=f(t,1),t_=2}return t}', 'function(e,t){if(e){let n=f(t,1),t_=2}return t}'],
    [
      'in a block that hides',
      'function(e,t){if(e){let n=f(1,2),t=n;return t}return t}',
      'function(e,t){if(e){let n=f(1,2),t_=n;return t_}return t}',
    ],
    [
      'but not what is behind a dot',
      'function(e,t){for(let t=0;t<this.constants.t;t++)e+=t}',
      'function(e,t){for(let t_=0;t_<this.constants.t;t_++){e+=t_}}',
    ],
    ['and takes a name that is free', 'function(e,t){let t_=1;{let t=t_}}', 'function(e,t){let t_=1;{let t__=t_}}'],
  ])('%s', (_, source, expected) => expect(plainSource(source)).toBe(expected));

  it('and loops have braces around what else would lose its own', () => {
    const source = 'function(e){for(let t=0;t<3;t++)if(t>1){let n=e[t];n+=1}else e+=1;return e}';
    expect(plainSource(source)).toBe('function(e){for(let t=0;t<3;t++){if(t>1){let n=e[t];n+=1}else e+=1;}return e}');
  });

  it('and nothing else changes', () => {
    const source =
      'function (x, y) {\n  const i = this.thread.x;\n  for (let k = 0; k < 3; k++) {\n    x += y[k] * 2.5e3;\n  }\n  return x; // for each let x\n}';
    expect(plainSource(source)).toBe(source);
  });
});
