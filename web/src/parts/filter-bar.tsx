/** Filters as fields that write into the address; what is set can be taken away one by one. */
import { useEffect, useId, useRef, useState } from 'react';
import { setSettings, useAddress } from '../address.ts';

export type Field = {
  readonly name: string;
  readonly label: string;
  /** Choices of a list; a field to type into without. */
  readonly choices?: readonly (string | readonly [value: string, words: string])[];
  readonly placeholder?: string;
  readonly width?: string;
};

export function FilterBar({
  fields,
  sorts,
  total,
}: {
  fields: readonly Field[];
  sorts?: readonly (readonly [value: string, words: string])[];
  total: string;
}) {
  const address = useAddress();
  const [isOpen, setOpen] = useState(false);
  const all = fields.filter(
    (field) => !field.choices || field.choices.length > 1 || address.query.get(field.name),
  );
  const set = all.filter((field) => address.query.get(field.name));
  const clear = Object.fromEntries(all.map((field) => [field.name, undefined]));
  return (
    <form
      className="filters"
      aria-label="Filters"
      onSubmit={(event) => event.preventDefault()}
      data-open={isOpen}
    >
      <div className="filter-head">
        <strong className="num" aria-live="polite">
          {total}
        </strong>
        <button
          type="button"
          className="small filter-toggle"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          Filters{set.length > 0 ? ` (${set.length})` : ''}
        </button>
        {set.length > 0 && (
          <button
            type="button"
            className="small"
            onClick={() => setSettings(address, { ...clear, at: undefined })}
          >
            Clear {set.length === 1 ? 'the filter' : `${set.length} filters`}
          </button>
        )}
      </div>
      <div className="filter-fields">
        {all.map((field) => (
          <FilterField key={field.name} field={field} />
        ))}
        {sorts && (
          <FilterField field={{ name: 'sort', label: 'Sort', choices: sorts }} isSort={true} />
        )}
      </div>
    </form>
  );
}

function FilterField({ field, isSort = false }: { field: Field; isSort?: boolean }) {
  const address = useAddress();
  const id = useId();
  const value = address.query.get(field.name) ?? '';
  const set = (next: string) => setSettings(address, { [field.name]: next, at: undefined });
  return (
    <div className={`field ${value && !isSort ? 'is-set' : ''}`}>
      <label htmlFor={id}>{field.label}</label>
      {field.choices ? (
        <select id={id} value={value} onChange={(event) => set(event.target.value)}>
          {!isSort && <option value="">any</option>}
          {choicesWith(field.choices, value).map(([option, words]) => (
            <option key={option} value={option}>
              {words}
            </option>
          ))}
        </select>
      ) : (
        <TypedField id={id} field={field} value={value} onSet={set} />
      )}
    </div>
  );
}

/** What the address says is a choice also where the run does not know it. */
function choicesWith(
  choices: NonNullable<Field['choices']>,
  value: string,
): readonly (readonly [string, string])[] {
  const all = choices.map((choice) =>
    typeof choice === 'string' ? ([choice, choice] as const) : choice,
  );
  return value === '' || all.some(([option]) => option === value) ? all : [...all, [value, value]];
}

function TypedField({
  id,
  field,
  value,
  onSet,
}: {
  id: string;
  field: Field;
  value: string;
  onSet: (value: string) => void;
}) {
  const [typed, setTyped] = useState(value);
  const last = useRef(value);
  useEffect(() => {
    if (value !== last.current) setTyped(value);
    last.current = value;
  }, [value]);
  useEffect(() => {
    if (typed === last.current) return;
    const timer = setTimeout(() => {
      last.current = typed;
      onSet(typed);
    }, 250);
    return () => clearTimeout(timer);
  }, [typed, onSet]);
  return (
    <input
      id={id}
      type={field.name === 'text' ? 'search' : 'text'}
      data-search={field.name === 'text' ? '' : undefined}
      value={typed}
      placeholder={field.placeholder}
      style={field.width ? { width: field.width } : undefined}
      onChange={(event) => setTyped(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') event.currentTarget.blur();
      }}
    />
  );
}
