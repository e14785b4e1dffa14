/** Light, dark, or as the system says; the reader's choice outlives the page. */
import { useEffect, useState } from 'react';

const choices = ['system', 'light', 'dark'] as const;
export type Theme = (typeof choices)[number];
const place = 'medix-theme';

function stored(): Theme {
  try {
    const found = window.localStorage.getItem(place);
    return choices.find((choice) => choice === found) ?? 'system';
  } catch {
    // Pages from a file may keep nothing.
    return 'system';
  }
}

export function applyTheme(theme: Theme = stored()): void {
  if (theme === 'system') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.setAttribute('data-theme', theme);
  window.dispatchEvent(new Event('medix-theme'));
}

export function useTheme(): readonly [Theme, () => void] {
  const [theme, setTheme] = useState(stored);
  const next = choices[(choices.indexOf(theme) + 1) % choices.length] ?? 'system';
  const turn = () => {
    setTheme(next);
    try {
      window.localStorage.setItem(place, next);
    } catch {
      // It then holds as long as the page.
    }
    applyTheme(next);
  };
  return [theme, turn];
}

/** Changes whenever the colours do, so that drawings are made anew. */
export function useColours(): number {
  const [turns, setTurns] = useState(0);
  useEffect(() => {
    const media = window.matchMedia('(prefers-color-scheme: dark)');
    const turn = () => setTurns((before) => before + 1);
    media.addEventListener('change', turn);
    window.addEventListener('medix-theme', turn);
    return () => {
      media.removeEventListener('change', turn);
      window.removeEventListener('medix-theme', turn);
    };
  }, []);
  return turns;
}
