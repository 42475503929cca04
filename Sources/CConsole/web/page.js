// Elements of a page. Text of a database reaches the document as text nodes only: nothing in it can be markup.

let words = {};

export function speak(dictionary) { words = dictionary; }

/** The text for a key, with `{name}` replaced. */
export function t(key, values) {
  const text = words[key] ?? key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : text;
}

const svgNames = new Set(['svg', 'g', 'rect', 'path', 'text', 'title', 'marker', 'defs', 'polyline', 'line', 'circle']);

/** An element: `h('a', {href: '#/x'}, 'text', other)`; what is null or false is left out. */
export function h(name, attributes, ...children) {
  const element = svgNames.has(name)
    ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'value') element.value = value;
    else if (key === 'checked') element.checked = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

// Figures and times

export function time(iso) {
  if (!iso) return h('span', { class: 'quiet' }, '–');
  const date = new Date(iso);
  return h('time', { datetime: iso, title: `${iso} (UTC)` },
    date.toLocaleString(document.documentElement.lang, { dateStyle: 'short', timeStyle: 'medium' }));
}

export function count(number) { return Number(number ?? 0).toLocaleString(document.documentElement.lang); }

export function bytes(number) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [size, unit] = [Number(number), 0];
  while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${size.toLocaleString(document.documentElement.lang, { maximumFractionDigits: unit ? 1 : 0 })} ${units[unit]}`;
}

/** A value of a row. */
export function shown(value) {
  if (value === null || value === undefined) return h('span', { class: 'quiet' }, 'NULL');
  if (typeof value === 'object') return h('code', null, JSON.stringify(value));
  const text = String(value);
  return text.length > 300 ? `${text.slice(0, 300)} …` : text;
}

export function rowsOf(rows) {
  const parts = [['inserted', '+'], ['updated', '~'], ['deleted', '−']]
    .filter(([name]) => rows && rows[name]).map(([name, sign]) => `${sign}${count(rows[name])}`);
  return h('span', { title: t('rows.title') }, parts.join(' ') || '0');
}

const good = new Set(['committed', 'done', 'resolved', 'approved', 'applied', 'complete', 'fired', 'queued', 'passed', 'ok', 'healed', 'on', 'circuit.closed']);
const bad = new Set(['failed', 'dead', 'failed_verify', 'rejected', 'error', 'missed', 'refused', 'critical', 'fail', 'halted', 'frozen', 'circuit.open']);

export function state(name) {
  const kind = good.has(name) ? 'good' : bad.has(name) ? 'bad' : name === 'rolled_back' ? 'quiet' : 'warn';
  return h('span', { class: `state ${kind}` }, t(`state.${name}`) === `state.${name}` ? name : t(`state.${name}`));
}

// Parts of pages

/** columns: [title, of a row → child, isNumber] */
export function table(caption, columns, rows, empty) {
  if (!rows.length) return h('p', { class: 'quiet' }, empty || t('empty'));
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h('table', null,
      h('thead', null, h('tr', null, columns.map(([title, , isNumber]) =>
        h('th', { scope: 'col', class: isNumber ? 'number' : null }, title)))),
      h('tbody', null, rows.map(row => h('tr', null, columns.map(([, of, isNumber]) =>
        h('td', { class: isNumber ? 'number' : null }, of(row))))))));
}

export function facts(pairs) {
  return h('dl', null, pairs.filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [h('dt', null, name), h('dd', null, value)]));
}

let fields = 0;

/** A field with its label; `shape` says what is typed: text, number, checkbox, or a list to choose from. */
export function field(label, attributes, choices) {
  const id = `field-${fields += 1}`;
  if (attributes.type === 'checkbox') {
    const input = h('input', { ...attributes, id });
    return { input, element: h('label', { class: 'check', for: id }, input, label) };
  }
  const input = choices
    ? h('select', { ...attributes, id, value: null }, choices.map(([value, text]) => h('option', { value }, text)))
    : h('input', { type: 'text', autocomplete: 'off', ...attributes, id });
  if (choices && attributes.value !== undefined) input.value = attributes.value;
  return { input, element: h('div', null, h('label', { for: id }, label), input) };
}

/** The command that does the same at a terminal. */
export function sameAs(command) {
  return h('p', { class: 'same' }, `${t('same')} `, h('code', null, command));
}

const quoted = text => (/^[\w.:@%+=,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
export const commandOf = (...parts) => ['batchmgr', ...parts.filter(part => part !== '').map(quoted)].join(' ');

export function tell(text) {
  let region = document.querySelector('.told');
  if (!region) {
    region = h('div', { class: 'told', role: 'status', 'aria-live': 'polite' });
    document.body.append(region);
  }
  const note = h('div', null, text);
  region.append(note);
  setTimeout(() => note.remove(), 8000);
}

/** Fills an element with what is loaded. Of several that were asked for, the last one counts, whichever comes last. */
export function newest(element, load) {
  let asked = 0;
  return async (...words) => {
    const mine = (asked += 1);
    fill(element, h('p', { class: 'quiet' }, t('loading')));
    let found;
    try { found = await load(...words); } catch (error) { found = fault(error); }
    if (mine === asked) fill(element, found);
  };
}

export function fault(error) {
  return h('div', { class: 'notice bad', role: 'alert' },
    h('strong', null, error.message), error.code ? h('div', { class: 'quiet' }, error.code) : null,
    error.hint ? h('div', null, error.hint) : null);
}

/**
 * A dialog that does something after it was confirmed.
 * options: title, body (elements), confirm (text of the button), typed (what has to be typed), isDanger, perform.
 */
export function ask(options) {
  const outcome = h('div', { 'aria-live': 'assertive' });
  const typed = options.typed
    ? field(t('type', { word: options.typed }), { autocapitalize: 'off', spellcheck: 'false' }) : null;
  const confirm = h('button', { class: options.isDanger ? 'danger' : 'first', type: 'submit' }, options.confirm);
  const close = h('button', { type: 'button', onclick: () => dialog.close() }, t('close'));
  const form = h('form', { method: 'dialog' }, h('h2', { id: 'ask' }, options.title), options.body,
    typed && typed.element, outcome, h('div', { class: 'bar' }, confirm, close));
  const dialog = h('dialog', { 'aria-labelledby': 'ask' }, form);
  const check = () => { confirm.disabled = typed !== null && typed.input.value !== options.typed; };
  if (typed) typed.input.addEventListener('input', check);
  check();
  form.addEventListener('submit', async event => {
    event.preventDefault();
    confirm.disabled = true;
    try {
      const result = await options.perform();
      dialog.close();
      if (result !== undefined) tell(result);
    } catch (error) {
      fill(outcome, fault(error));
      check();
    }
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
