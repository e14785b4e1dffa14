/*
 * Makes the review pages quicker to use: keys, zoom, drafts that survive a reload, and saving that tells
 * when the server cannot be reached. Without it the pages are plain forms and links that work as well.
 */
'use strict';

document.documentElement.classList.add('has-script');

const form = document.querySelector('form[data-item]');
const help = document.querySelector('#help');

if (form) {
  keepDraft(form);
  saveInPlace(form);
  document.querySelector('[data-help]')?.addEventListener('click', () => help.showModal());
}
for (const figure of document.querySelectorAll('[data-zoom]')) addZoom(figure);
document.addEventListener('keydown', onKey);

/** What is chosen and written stays in this browser until the server has it. */
function keepDraft(form) {
  const key = form.dataset.draft;
  const draft = readStored(key);
  if (draft) {
    for (const field of form.elements) {
      if (field.type === 'radio') field.checked = draft[field.name] === field.value;
      if (field.name === 'comment') field.value = draft.comment ?? '';
    }
    tell('Not saved yet: this is what you had chosen and written.');
  }
  form.addEventListener('input', () => {
    writeStored(key, Object.fromEntries(new FormData(form)));
    tell('');
  });
}

/** Storage may be switched off; the page then works without drafts. */
function readStored(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

function writeStored(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {}
}

function dropStored(key) {
  try {
    localStorage.removeItem(key);
  } catch {}
}

/** Sends the form without leaving the page, so that a server that is away costs nothing. */
function saveInPlace(form) {
  let isSending = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    const button = form.querySelector('button[type=submit]');
    button.disabled = true;
    tell('Saving …');
    try {
      const answer = await fetch(form.action, {
        method: 'POST',
        body: new URLSearchParams(new FormData(form)),
      });
      if (answer.ok && answer.redirected) {
        dropStored(form.dataset.draft);
        location.assign(answer.url);
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      tell(page.querySelector('.problem')?.textContent ?? 'Not saved. Please try again.', true);
    } catch {
      tell('Not saved: the server does not answer. Your answer is kept here; please try again.', true);
    }
    isSending = false;
    button.disabled = false;
  });
}

function tell(text, isProblem = false) {
  const status = document.querySelector('#status');
  status.textContent = text;
  status.className = isProblem ? 'problem' : 'quiet';
}

function onKey(event) {
  const target = event.target;
  if (help?.open) return;
  if (target instanceof HTMLTextAreaElement) {
    if (event.key === 'Escape') target.blur();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act = form ? actionFor(event.key, target) : undefined;
  if (act === undefined) return;
  event.preventDefault();
  act(event);
}

function actionFor(key, target) {
  const option = form.querySelector(`input[data-key="${CSS.escape(key.toLowerCase())}"]`);
  if (option) return () => choose(option);
  const isControl = target.closest('a, button, summary') !== null;
  const movesFocus = target.matches('input, .view');
  switch (key) {
    case 'Enter':
      return isControl ? undefined : submit;
    case 'ArrowLeft':
      return movesFocus ? undefined : () => go(form.dataset.previous);
    case 'ArrowRight':
      return movesFocus ? undefined : () => go(form.dataset.next);
    case 'c':
    case 'C':
      return () => form.querySelector('#comment').focus();
    case '?':
      return () => help.showModal();
    case '+':
    case '=':
      return () => zoomBy('in', target);
    case '-':
      return () => zoomBy('out', target);
    case '0':
      return () => zoomBy('fit', target);
    default:
      return undefined;
  }
}

function choose(option) {
  option.checked = true;
  option.dispatchEvent(new Event('input', { bubbles: true }));
}

function submit(event) {
  event.preventDefault();
  form.requestSubmit();
}

function go(address) {
  if (address) location.assign(address);
}

/** Zooms the image that has the focus, else the first. */
function zoomBy(direction, target) {
  const figure = target.closest('[data-zoom]') ?? document.querySelector('[data-zoom]');
  figure?.querySelector(`[data-by="${direction}"]`).click();
}

/** Wheel, buttons, keys, pinch and drag; the image never leaves its frame. */
function addZoom(figure) {
  const view = figure.querySelector('.view');
  const image = figure.querySelector('img');
  const output = figure.querySelector('output');
  const maxScale = 12;
  let scale = 1;
  let x = 0;
  let y = 0;
  const pointers = new Map();

  const draw = () => {
    const { clientWidth: width, clientHeight: height } = view;
    x = Math.min(0, Math.max(width * (1 - scale), x));
    y = Math.min(0, Math.max(height * (1 - scale), y));
    image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    output.textContent = `${Math.round(scale * 100)} %`;
  };
  /** Keeps the point of the image under (left, top), in pixels of the frame, where it is. */
  const zoomTo = (wanted, left, top) => {
    const next = Math.min(maxScale, Math.max(1, wanted));
    x = left - ((left - x) * next) / scale;
    y = top - ((top - y) * next) / scale;
    scale = next;
    draw();
  };
  const zoomAtCentre = (wanted) => zoomTo(wanted, view.clientWidth / 2, view.clientHeight / 2);
  const placeIn = (event) => {
    const { left, top } = view.getBoundingClientRect();
    return { left: event.clientX - left, top: event.clientY - top };
  };

  figure.querySelector('[data-by=in]').addEventListener('click', () => zoomAtCentre(scale * 1.5));
  figure.querySelector('[data-by=out]').addEventListener('click', () => zoomAtCentre(scale / 1.5));
  figure.querySelector('[data-by=fit]').addEventListener('click', () => zoomAtCentre(1));
  view.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const { left, top } = placeIn(event);
      zoomTo(scale * Math.exp(-event.deltaY / 400), left, top);
    },
    { passive: false },
  );
  view.addEventListener('dblclick', (event) => {
    const { left, top } = placeIn(event);
    zoomTo(scale > 1 ? 1 : 3, left, top);
  });
  view.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    const move = step[event.key];
    if (move === undefined || scale === 1) return;
    event.preventDefault();
    x += move[0];
    y += move[1];
    draw();
  });
  view.addEventListener('pointerdown', (event) => {
    view.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, placeIn(event));
  });
  view.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = placeIn(event);
    const others = [...pointers].filter(([id]) => id !== event.pointerId);
    const other = others[0]?.[1];
    if (other) {
      const reach = (point) => Math.hypot(point.left - other.left, point.top - other.top);
      const middle = { left: (now.left + other.left) / 2, top: (now.top + other.top) / 2 };
      zoomTo(scale * (reach(now) / Math.max(1, reach(before))), middle.left, middle.top);
    } else {
      x += now.left - before.left;
      y += now.top - before.top;
      draw();
    }
    pointers.set(event.pointerId, now);
  });
  for (const end of ['pointerup', 'pointercancel']) {
    view.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  addEventListener('resize', draw);
}
