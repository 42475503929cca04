// A graph of what depends on a batch: layers from left to right, the evidence on each edge.

import { h, t } from './page.js';

const [wide, high, gap, space] = [170, 46, 22, 150];

/** batch: the one that is asked about; dependents: as the API lists them. */
export function graph(batch, dependents, chosen) {
  const depth = new Map([[batch, 0], ...dependents.map(entry => [entry.batch, entry.depth])]);
  const layers = [];
  for (const [name, layer] of depth) (layers[layer] ||= []).push(name);
  const at = new Map();
  layers.forEach((names, layer) => (names || []).forEach((name, row) =>
    at.set(name, { x: 10 + layer * (wide + space), y: 10 + row * (high + gap) })));
  const edges = dependents.flatMap(entry => entry.edges.map(edge => ({ ...edge, from: entry.batch })))
    .filter(edge => at.has(edge.on) && at.has(edge.from));
  const width = 20 + layers.length * wide + (layers.length - 1) * space;
  const height = 20 + Math.max(...layers.map(names => (names || []).length)) * (high + gap);
  const label = t('graph.title', { batch, count: dependents.length });
  return h('div', { class: 'graph', tabindex: 0, role: 'region', 'aria-label': label },
    h('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
      edges.map(edge => line(at.get(edge.on), at.get(edge.from), edge)),
      [...at].map(([name, place]) => box(name, place, name === batch || chosen?.has(name)))));
}

function box(name, place, isChosen) {
  return h('g', { class: isChosen ? 'chosen' : null },
    h('rect', { x: place.x, y: place.y, width: wide, height: high, rx: 6 }),
    h('text', { x: place.x + 8, y: place.y + 27 }, short(name, 21), h('title', null, name)));
}

function line(from, to, edge) {
  const [x1, y1, x2, y2] = [from.x + wide, from.y + high / 2, to.x, to.y + high / 2];
  const middle = (x1 + x2) / 2;
  return h('g', null,
    h('path', { d: `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` }),
    h('text', { class: 'edge', x: x1 + 8, y: (y1 + y2) / 2 - 6 }, short(edge.evidence, 24),
      h('title', null, `${edge.kind}: ${edge.evidence}`)));
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
