/** The page of `medix view`: starts what is shown. */
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { listen } from './source/live.ts';
import './style.css';
import { applyTheme } from './theme.ts';

applyTheme();
listen();
const place = document.getElementById('root');
if (place) createRoot(place).render(<App />);
