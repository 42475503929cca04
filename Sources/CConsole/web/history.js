// Restore points, what differs between two of them, and who made a cell what it is.

import { get } from './api.js';
import { h, t, fill, table, time, state, shown, field, fault, sameAs, commandOf } from './page.js';
import { changes } from './batches.js';

const nameOf = point => point.batch || point.kind;

export async function historyPage() {
  const { points, more } = await get('/api/points', { limit: 500 });
  const latest = [...points].reverse();
  const names = latest.map(point => [nameOf(point), `${nameOf(point)} – ${point.created_at.slice(0, 16).replace('T', ' ')}`]);
  const [from, to] = [field(t('from'), { value: names[1]?.[0] || '' }, names), field(t('to'), { value: names[0]?.[0] || '' }, names)];
  const difference = h('div');
  const compare = () => fill(difference, changes('/api/points/compare', { from: from.input.value, to: to.input.value }));
  const [name, key] = [field(t('table'), {}), field(t('key'), {})];
  const blame = h('div', { 'aria-live': 'polite' });
  const look = async event => {
    event.preventDefault();
    try {
      const found = await get('/api/blame', { table: name.input.value, key: key.input.value });
      fill(blame, table(t('blame'), [
        [t('column'), entry => entry.column], [t('value'), entry => shown(entry.value)],
        [t('batch'), entry => (entry.batch ? h('a', { href: `#/batches/${entry.batch}` }, entry.batch) : t(`origin.${entry.kind}`))],
        [t('actor'), entry => entry.actor || "–"],
      ], found.columns), sameAs(commandOf('blame', '--table', name.input.value, '--key', key.input.value)));
    } catch (error) { fill(blame, fault(error)); }
  };
  const [which, at] = [field(t('table'), {}), field(t('point'), { value: names[0]?.[0] || '' }, names)];
  const rows = h('div', { 'aria-live': 'polite' });
  const earlier = async offset => {
    try {
      const found = await get('/api/rows', { table: which.input.value, at: at.input.value, limit: 100, offset });
      fill(rows, table(t('rows.earlier'), found.columns.map(column => [column, row => shown(row.values[column])]), found.rows, t('rows.none')),
        h('div', { class: 'bar' }, h('button', { type: 'button', disabled: !offset, onclick: () => earlier(offset - 100) }, t('previous')), h('button', { type: 'button', disabled: !found.more, onclick: () => earlier(offset + 100) }, t('next'))),
        sameAs(commandOf('rows', which.input.value, '--at', at.input.value)));
    } catch (error) { fill(rows, fault(error)); }
  };
  return {
    body: [
      table(t('page.history'), [
        [t('point'), point => (point.batch ? h('a', { href: `#/batches/${point.batch}` }, point.batch) : point.kind)], [t('state'), point => state(point.status)],
        [t('made'), point => time(point.created_at)], [t('point.file'), point => (point.bak ? `${point.bak.split('/').pop()} (${point.bak_kind})` : '–')],
        [t('point.commit'), point => (point.commit ? h('code', null, point.commit.slice(0, 10)) : '–')],
      ], latest, t('points.none')),
      more ? h('p', { class: 'quiet' }, t('points.more')) : null,
      sameAs(commandOf('points')),
      h('h2', null, t('compare')),
      h('div', { class: 'bar' }, from.element, to.element, h('button', { type: 'button', onclick: compare }, t('compare.do'))), difference,
      h('h2', null, t('rows.earlier')),
      h('form', { class: 'bar', onsubmit: event => { event.preventDefault(); earlier(0); } }, which.element, at.element, h('button', { type: 'submit' }, t('rows.show'))), rows,
      h('h2', null, t('blame')),
      h('form', { class: 'bar', onsubmit: look }, name.element, key.element, h('button', { type: 'submit' }, t('blame.do'))), blame,
    ],
  };
}
