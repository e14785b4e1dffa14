import { readFileSync } from 'node:fs';
import { Template } from '@huggingface/jinja';
import { describe, expect, it } from 'vitest';
import { compileJinja } from './jinja.ts';

const render = (source: string, variables = {}) => compileJinja(source).render(variables);
const twice = (text: string, times: number) =>
  `{% set x = '${text}' %}${'{% set x = x ~ x %}'.repeat(times)}`;

describe('a template', () => {
  it('renders as the library renders it', () => {
    const source = readFileSync('assets/start-model/chat_template.jinja', 'utf8');
    const variables = {
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [{ type: 'image' }, { type: 'text', text: 'Where? '.repeat(99) }],
        },
      ],
      add_generation_prompt: true,
    };
    expect(render(source, variables)).toBe(new Template(source).render(variables));
    for (const text of [
      "{% for i in range(2, 10, 3) %}{{ i }},{% endfor %}{{ range(3) | join('-') }}",
      "{% set n = namespace(a=1) %}{% set n.a = n.a + 1 %}{{ n.a }} {{ x.replace('b', 'cc') | upper }}",
      "{% macro f(a, b='c') %}{{ a ~ b }}{% endmacro %}{{ f('x') }}{{ f('x', b='y') }} {{ {'a': [1, none]} | tojson }}",
      "{{ 'a,b' | replace(',', ' and ') }} {{ ['b', 'a'] | sort | join(', ') }} {{ missing }} {{ true }}",
    ]) {
      expect(render(text, { x: 'abcabcabcabcabcabcabc' })).toBe(
        new Template(text).render({ x: 'abcabcabcabcabcabcabc' }),
      );
    }
  });

  it('may be given a variable of any name', () => {
    expect(render('{{ namespace }}{{ range }}', { namespace: 'a', range: 'b' })).toBe('ab');
  });

  it('tells of printed values that are neither text nor numbers', () => {
    const odd: string[] = [];
    const variables = { a: {}, b: [1], c: true, d: Number.NaN, e: 'x', f: 1.5, g: null };
    const source =
      '{{ a }}{{ b }}{% if c %}{{ c }}{% endif %}{{ d }}{{ e }}{{ f }}{{ g }}{{ a | tojson }}';
    compileJinja(source).render(variables, { onOddValue: (type) => odd.push(type) });
    expect(odd).toEqual(['ObjectValue', 'ArrayValue', 'BooleanValue', 'FloatValue']);
  });
});

/** Each of these would keep a process busy for minutes, or end it for want of memory. */
const bombs: Readonly<Record<string, string>> = {
  'a long range': '{% for i in range(1000000000) %}{% endfor %}',
  'a range without end': '{{ range(0, 1, 0) }}',
  'loops in loops':
    '{% for i in range(9999) %}{% for j in range(9999) %}{% for k in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}',
  'a text that doubles': `${twice('aaaaaaaa', 40)}{{ x }}`,
  'a list that doubles': `{% set x = [1] %}${'{% set x = x + x %}'.repeat(40)}{{ x }}`,
  'lists within lists': `{% set x = ['a'] %}${'{% set x = [x, x] %}'.repeat(40)}{{ x }}`,
  'objects within objects': `{% set x = {'a': 1} %}${"{% set x = {'a': x, 'b': x} %}".repeat(40)}{{ x | tojson }}`,
  'namespaces within each other': `{% set a = namespace() %}${Array.from({ length: 40 }, (_, i) => `{% set n${i} = namespace() %}`).join('')}${Array.from({ length: 39 }, (_, i) => `{% set n${i}.a = n${i + 1} %}{% set n${i}.b = n${i + 1} %}`).join('')}{{ n0 }}`,
  'a namespace that holds itself': '{% set n = namespace() %}{% set n.a = [n] %}{{ n }}',
  replacing: `${twice('aaaaaaaa', 16)}{{ x.replace('a', x) }}`,
  'the filter replace': `${twice('aaaaaaaa', 16)}{{ x | replace('a', x) }}`,
  'replacing nothing': `${twice('aaaaaaaa', 16)}{{ x.replace('', x) }}`,
  joining: `${twice('aaaaaaaa', 16)}{{ range(9999) | join(x) }}`,
  indenting: `${twice('a\\n', 18)}{{ x | indent(100000000) }}`,
  'indented JSON': '{{ range(9999) | list | tojson(indent=100000000) }}',
  'much output': `${twice('aaaaaaaa', 16)}{% for i in range(99999) %}{{ x }}{% endfor %}`,
  'much work on long texts': `${twice('aaaaaaaa', 16)}{% for i in range(99999) %}{% set y = x | upper | lower %}{% endfor %}`,
  'much slicing': '{% set x = range(99999) %}{% for i in x %}{% set y = x[1:] %}{% endfor %}',
  'a macro without end': '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  'a macro that calls itself twice':
    '{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}',
};

describe('a template that would never end, or fill the memory', () => {
  it.each(Object.entries(bombs))('is an error: %s', (_, source) => {
    const before = process.memoryUsage().heapUsed;
    const start = performance.now();
    expect(() => render(source)).toThrow();
    expect(performance.now() - start).toBeLessThan(25_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 ** 29);
  });
});
