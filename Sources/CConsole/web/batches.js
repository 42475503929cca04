// Batches, and what can be taken back.

import { get, post, listen } from './api.js';
import { h, t, fill, newest, table, facts, time, state, rowsOf, shown, count, field, ask, fault, tell, sameAs, commandOf } from './page.js';
import { graph } from './graph.js';

const link = batch => h('a', { href: `#/batches/${encodeURIComponent(batch)}` }, batch);
const states = ['running', 'committed', 'failed', 'stopped', 'rolled_back'];

export async function batchList({ query }) {
  const place = h('div');
  const job = field(t('job'), { value: query.get('job') || '' });
  const status = field(t('state'), { value: query.get('status') || '' }, [['', t('all')], ...states.map(name => [name, t(`state.${name}`)])]);
  const counter = h('p', { class: 'quiet', 'aria-live': 'polite' });
  let limit = 100;
  let known = new Map();
  const load = async () => {
    const list = await get('/api/batches', { job: job.input.value.trim(), status: status.input.value, limit });
    known = new Map(list.batches.map(batch => [batch.batch, batch]));
    draw(list.more);
  };
  const draw = more => {
    fill(counter, t('batches.count', { count: count(known.size) }));
    fill(place,
      table(t('page.batches'), [
        [t('batch'), batch => link(batch.batch)], [t('job'), batch => h('a', { href: `#/jobs/${batch.job}` }, batch.job)], [t('tenant'), batch => batch.tenant || '–'],
        [t('state'), batch => state(batch.status)], [t('rows'), batch => rowsOf(batch.rows), true], [t('begun'), batch => time(batch.started_at)],
        [t('ended'), batch => time(batch.finished_at)],
      ], [...known.values()], t('batches.none')),
      more ? h('div', { class: 'bar' }, h('button', { type: 'button', onclick: () => { limit *= 4; attempt(); } }, t('more'))) : null);
  };
  const attempt = () => load().catch(error => fill(place, fault(error)));
  for (const input of [job.input, status.input]) {
    input.addEventListener('change', () => {
      history.replaceState(null, '', `#/batches?${new URLSearchParams({ job: job.input.value, status: status.input.value })}`);
      attempt();
    });
  }
  await load();
  let soon = null;
  const end = listen(name => {
    if (name !== 'batch' || soon) return;
    // Many events make one look.
    soon = setTimeout(() => { soon = null; attempt(); }, 500);
  });
  return {
    leave: () => { clearTimeout(soon); end(); },
    body: [h('div', { class: 'bar' }, job.element, status.element), counter, place, sameAs(commandOf('list'))],
  };
}

export async function batchPage({ words: [id], again, person }) {
  const [batch, dependents] = await Promise.all([get(`/api/batches/${id}`), get(`/api/batches/${id}/dependents`)]);
  const name = batch.batch;
  const end = listen((kind, event) => { if (kind === 'batch' && event.batch === name && event.status !== batch.status) again(); });
  return {
    title: name,
    leave: end,
    body: [
      actions(batch, dependents.dependents, person, again),
      facts([
        [t('state'), state(batch.status)], [t('job'), h('a', { href: `#/jobs/${batch.job}` }, `${batch.job} ${batch.job_version || ''}`)], [t('tenant'), batch.tenant],
        [t('actor'), batch.actor], [t('rows'), rowsOf(batch.rows)], [t('begun'), time(batch.started_at)], [t('ended'), time(batch.finished_at)],
        [t('trace'), batch.trace_id ? h('a', { href: `#/audit?trace=${batch.trace_id}` }, batch.trace_id) : null],
        [t('parameters'), Object.keys(batch.parameters || {}).length ? h('code', null, JSON.stringify(batch.parameters)) : null],
        [t('undoes'), batch.rolls_back?.length ? batch.rolls_back.map(other => [link(other), ' ']) : null],
        [t('undone.by'), batch.undone_by.length ? batch.undone_by.map(other => [link(other), ' ']) : null],
      ]),
      batch.error ? h('div', { class: 'notice bad' }, typeof batch.error === 'object' ? batch.error.message : batch.error) : null,
      h('h2', null, t('batch.steps')), steps(batch),
      h('h2', null, t('batch.dependents')),
      dependents.dependents.length ? [graph(name, dependents.dependents), dependentTable(dependents.dependents)] : h('p', { class: 'quiet' }, t('dependents.none')),
      h('h2', null, t('batch.changes')), changes(`/api/batches/${name}/changes`),
      h('h2', null, t('batch.point')), point(batch),
      certificate(batch),
      sameAs(commandOf('show', name)),
    ],
  };
}

function steps(batch) {
  if (!batch.checkpoints.length) return h('p', { class: 'quiet' }, t('steps.none'));
  return h('ol', { class: 'steps' }, batch.checkpoints.map(step => h('li', { class: step.undone ? 'undone' : null },
    h('strong', null, step.step), step.chunk ? ` · ${t('chunk', { number: step.chunk })}` : '', ' · ', rowsOf(step.rows), ' · ', time(step.committed_at),
    step.undone ? ` · ${t('undone')}` : '')));
}

function dependentTable(dependents) {
  return table(t('batch.dependents'), [
    [t('batch'), entry => link(entry.batch)], [t('depth'), entry => entry.depth, true], [t('kind'), entry => entry.kind],
    [t('evidence'), entry => entry.edges.map(edge => h('div', null, `${edge.on}: ${edge.evidence}`))],
  ], dependents);
}

function point(batch) {
  const copy = batch.restore_point;
  if (!copy) return h('p', { class: 'quiet' }, t('point.none'));
  return facts([
    [t('state'), state(copy.status)], [t('point.file'), copy.bak ? `${copy.bak.split('/').pop()} (${copy.bak_kind})` : null],
    [t('point.commit'), copy.commit ? h('code', null, copy.commit) : null],
    [t('proven'), batch.proven_at ? time(batch.proven_at) : t('no')],
  ]);
}

/** Rows before and after, a page at a time. */
export function changes(path, query) {
  const [size, place] = [200, h('div')];
  const load = async offset => {
    fill(place, h('p', { class: 'quiet' }, t('loading')));
    try {
      const page = await get(path, { ...query, limit: size, offset });
      const all = page.counts.inserted + page.counts.updated + page.counts.deleted;
      fill(place,
        h('p', null, rowsOf(page.counts), ' – ', page.counts.tables.map(entry => `${entry.table}: ${count(entry.inserted + entry.updated + entry.deleted)}`).join(', ')),
        page.schema?.length ? table(t('schema'), [[t('what'), entry => entry.name || entry.object], [t('change'), entry => entry.op || entry.change]], page.schema) : null,
        table(t('batch.changes'), [
          [t('table'), row => row.table], [t('key'), row => shown(row.key)], [t('change'), row => t(`op.${row.op}`)],
          [t('before'), row => values(row.before, 'before')], [t('after'), row => values(row.after, 'after')],
        ], page.changes, t('changes.none')),
        all > size ? h('div', { class: 'bar' },
          h('button', { type: 'button', disabled: offset === 0, onclick: () => load(Math.max(0, offset - size)) }, t('previous')),
          h('span', null, t('range', { first: count(offset + 1), last: count(Math.min(all, offset + size)), all: count(all) })),
          h('button', { type: 'button', disabled: offset + size >= all, onclick: () => load(offset + size) }, t('next'))) : null);
    } catch (error) {
      fill(place, fault(error));
    }
  };
  place.begin = () => load(0);
  load(0);
  return place;
}

function values(row, kind) {
  if (!row) return h('span', { class: 'quiet' }, '–');
  return Object.entries(row).map(([column, value]) => h('div', null, h('span', { class: 'quiet' }, `${column} `), h('span', { class: kind === 'before' ? 'bad' : 'good' }, shown(value))));
}

function certificate(batch) {
  if (!batch.rolls_back?.length && batch.status !== 'rolled_back') return null;
  const undone = batch.rolls_back?.length ? batch.rolls_back : [batch.batch];
  const place = h('div', null);
  const show = async () => {
    try {
      const found = await Promise.all(undone.map(name => get(`/api/batches/${name}/certificates`)));
      fill(place, found.flatMap(list => list.certificates).map(entry => h('pre', { tabindex: 0 }, JSON.stringify(entry, null, 2))));
    } catch (error) { fill(place, fault(error)); }
  };
  return [h('h2', null, t('certificate')), h('button', { type: 'button', onclick: show }, t('certificate.show')), place];
}

// What can be done

function actions(batch, dependents, person, again) {
  if (!person.may('operator')) return h('p', { class: 'quiet' }, t('look.only'));
  const name = batch.batch;
  const undo = batch.rolls_back?.length ? t('undo.undo') : t('undo');
  return h('div', { class: 'bar' },
    batch.status === 'running' ? h('button', { type: 'button', onclick: () => simple(t('stop'), name, `/api/batches/${name}/stop`, again) }, t('stop')) : null,
    ['failed', 'stopped'].includes(batch.status) ? h('button', { type: 'button', onclick: () => simple(t('resume'), name, `/api/batches/${name}/resume`, again) }, t('resume')) : null,
    batch.status !== 'rolled_back' && batch.status !== 'running'
      ? h('button', { type: 'button', class: 'danger', onclick: () => rollback(batch, dependents, undo, again) }, undo) : null);
}

function simple(title, name, path, again) {
  ask({ title: `${title}: ${name}`, body: null, confirm: title, perform: async () => { const done = await post(path); await again(); return `${name}: ${done.status || t('done')}`; } });
}

/** Nothing is undone before it was shown what goes with it. */
function rollback(batch, dependents, title, again) {
  const name = batch.batch;
  const mode = field(t('mode'), { value: dependents.length ? 'cascade' : 'restrict' }, ['restrict', 'cascade', 'unconflicted', 'replay'].map(word => [word, t(`mode.${word}`)]));
  const preview = h('div', { 'aria-live': 'polite' });
  const look = newest(preview, async () => {
    const chosen = mode.input.value;
    const plan = await post(`/api/batches/${name}/rollback`, { mode: chosen, dry_run: true });
    return [
      facts([[t('undo.order'), plan.order.join(', ')], [t('rows'), rowsOf(plan.rows)], [t('undo.conflicts'), plan.conflicts?.length ? String(plan.conflicts.length) : t('none')]]),
      plan.dependents?.length ? graph(name, plan.dependents, new Set(plan.order)) : null,
      plan.warnings?.length ? h('ul', null, plan.warnings.map(text => h('li', { class: 'warn' }, typeof text === 'object' ? text.message : text))) : null,
      h('p', { class: 'quiet' }, commandOf('rollback', name, ...(chosen === 'restrict' ? [] : ['--mode', chosen]))),
    ];
  });
  mode.input.addEventListener('change', look);
  look();
  ask({
    title: `${title}: ${name}`, body: [mode.element, preview], confirm: title, typed: name, isDanger: true,
    perform: async () => {
      const done = await post(`/api/batches/${name}/rollback`, { mode: mode.input.value });
      if (done.rollback) location.hash = `#/batches/${done.rollback}`;
      else await again();
      tell(t('undo.done', { batches: done.order.join(', ') }));
    },
  });
}
