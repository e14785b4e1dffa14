import { describe, expect, it } from 'vitest';
import { renderStem, variablesOf } from './template.ts';

describe('the variables of a template', () => {
  it.each([
    ['{{ a }} and {{ b.c }} and {{ d["e f"] }}', ['a', 'b', 'd']],
    ['{% for x in items %}{{ x.y }}{{ loop.index }}{% endfor %}', ['items']],
    [
      '{{ a | join(sep) | upper }}{% if b is string and c is not none %}{% endif %}',
      ['a', 'sep', 'b', 'c'],
    ],
    [
      '{% set t = a ~ "x" %}{{ t }}{% for k, v in m.items() %}{{ k }}{{ v }}{% endfor %}',
      ['a', 'm'],
    ],
    ['{{ a if b else c }}{{ [d, {"e": f}] }}{{ g[h:] }}', ['b', 'a', 'c', 'd', 'f', 'g', 'h']],
  ])('%s', (source, names) => {
    expect(variablesOf(source).toSorted()).toEqual(names.toSorted());
  });
});

describe('a question', () => {
  it('shows columns as text, nothing of them being markup, and big integers as numbers', () => {
    const fields = { q: '{{ age }} {% if %}', age: 5n, 'odd name': [1n], image: new Uint8Array(9) };
    expect(renderStem('{{ q }} {{ age }}', fields)).toBe('{{ age }} {% if %} 5');
    expect(renderStem('{{ row["odd name"][0] }}{{ row.image }}', fields)).toBe('1');
  });
});
