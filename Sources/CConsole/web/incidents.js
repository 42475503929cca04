// What went wrong, what is done about it, and how.

import { get, getAll, postAll, post, listen } from './api.js';
import { h, t, table, facts, time, state, count, field, ask, sameAs, commandOf } from './page.js';

const statuses = ['open', 'acknowledged', 'closed'];
const severity = name => h('span', { class: `state ${name === 'critical' || name === 'error' ? 'bad' : 'warn'}` }, t(`severity.${name}`));

export async function incidentsPage({ query, again, person }) {
  const chosen = query.get('status') || '';
  const offset = Number(query.get('offset') || 0);
  const list = await get('/api/incidents', { status: chosen, limit: 100, offset });
  const status = field(t('state'), { value: chosen, onchange: event => { location.hash = `#/incidents?status=${event.target.value}`; } },
    [['', t('all')], ...statuses.map(name => [name, t(`state.${name}`)])]);
  const step = (text, to) => h('button', { type: 'button', disabled: to < 0 || to >= list.total, onclick: () => { location.hash = `#/incidents?status=${chosen}&offset=${to}`; } }, text);
  let soon = null;
  const end = listen(name => { if (name === 'incident' && !soon && !document.querySelector('dialog')) soon = setTimeout(again, 1000); });
  return {
    leave: () => { clearTimeout(soon); end(); },
    body: [
      h('div', { class: 'bar' }, status.element, person.may('operator') && !person.tenant ? h('button', { type: 'button', onclick: () => open(again) }, t('incident.open')) : null),
      h('p', { class: 'quiet' }, t('incidents.count', { count: count(list.total) })),
      table(t('page.incidents'), [
        [t('name'), entry => h('a', { href: `#/incidents/${entry.id}` }, entry.id)], [t('what'), entry => entry.title], [t('severity'), entry => severity(entry.severity)], [t('state'), entry => state(entry.status)],
        [t('tenant'), entry => entry.tenant || '–'], [t('module'), entry => entry.module || '–'], [t('since'), entry => time(entry.opened_at)],
      ], list.incidents, t('incidents.none')),
      list.total > 100 ? h('div', { class: 'bar' }, step(t('previous'), offset - 100), step(t('next'), offset + 100)) : null,
      sameAs(commandOf('incident', 'list', ...(chosen ? ['--status', chosen] : []))),
    ],
  };
}

function open(again) {
  const title = field(t('incident.title'), { required: true, maxlength: 200 });
  const severe = field(t('severity'), { value: 'error' }, ['warning', 'error', 'critical'].map(name => [name, t(`severity.${name}`)]));
  ask({
    title: t('incident.open'), body: [title.element, severe.element], confirm: t('incident.open'),
    perform: async () => { const made = await postAll('/api/incidents', { title: title.input.value, severity: severe.input.value }); location.hash = `#/incidents/${made.id}`; await again(); },
  });
}

export async function incidentPage({ words: [id], again, person }) {
  const incident = await get(`/api/incidents/${id}`);
  const act = (word, inputs, typed) => () => ask({
    title: `${t(`incident.${word}`)}: ${id}`, body: inputs().map(([, entry]) => entry.element), confirm: t(`incident.${word}`), typed,
    perform: async () => {
      const body = Object.fromEntries(now.map(([name, entry]) => [name, entry.input.value.trim()]).filter(([, value]) => value));
      const done = await postAll(`/api/incidents/${id}/${word}`, body);
      await again();
      return done.file ? `${done.file}` : `${id}: ${t('done')}`;
    },
  });
  let now = [];
  const inputs = (...names) => () => (now = names.map(([name, required]) => [name, field(t(`incident.field.${name}`), { required })]));
  const isOpen = incident.status !== 'closed';
  const reach = incident.blast_radius;
  const end = listen((kind, event) => { if (kind === 'incident' && event.id === id && event.status !== incident.status && !document.querySelector('dialog')) again(); });
  return {
    title: id,
    leave: end,
    body: [
      h('p', null, h('strong', null, incident.title)),
      person.may('operator') ? h('div', { class: 'bar' },
        incident.status === 'open' ? h('button', { type: 'button', class: 'first', onclick: act('ack', inputs(['reason', false])) }, t('incident.ack')) : null,
        person.tenant ? null : h('button', { type: 'button', onclick: act('postmortem', inputs(['cause', true], ['prevention', true], ['owner', false], ['due', false])) }, t('incident.postmortem')),
        person.tenant ? null : h('button', { type: 'button', onclick: act('bundle', inputs()) }, t('incident.bundle')),
        isOpen ? h('button', { type: 'button', onclick: act('close', inputs(['reason', true])) }, t('incident.close')) : null) : null,
      facts([
        [t('state'), state(incident.status)], [t('severity'), severity(incident.severity)], [t('kind'), incident.class], [t('tenant'), incident.tenant], [t('module'), incident.module],
        [t('incident.cause'), incident.cause], [t('since'), time(incident.opened_at)], [t('ended'), incident.closed_at ? time(incident.closed_at) : null],
        [t('trace'), h('a', { href: `#/audit?trace=${incident.trace_id}` }, incident.trace_id.slice(0, 8))],
        [t('incident.postmortem'), incident.postmortem ? `${incident.postmortem.file} · ${incident.postmortem.delivered_to.join(', ') || t('incident.undelivered')}` : null],
      ]),
      h('h2', null, t('radius')),
      facts([[t('tenants'), reach.tenants.join(', ') || '–'], [t('modules'), reach.modules.join(', ') || '–'], [t('page.batches'), reach.batches.length ? reach.batches.map(batch => [h('a', { href: `#/batches/${batch}` }, batch), ' ']) : '–']]),
      h('h2', null, t('incident.timeline')),
      table(t('incident.timeline'), [[t('at'), event => time(event.at)], [t('actor'), event => event.actor], [t('what'), event => event.text]], incident.timeline),
      h('h2', null, t('incident.hints')),
      table(t('incident.hints'), [[t('at'), clue => time(clue.at)], [t('kind'), clue => t(`clue.${clue.kind}`)], [t('name'), clue => (clue.kind === 'batch' ? h('a', { href: `#/batches/${clue.subject}` }, clue.subject) : clue.subject)], [t('what'), clue => clue.text]], incident.hints, t('incident.hints.none')),
      h('h2', null, t('incident.actions')),
      table(t('incident.actions'), [[t('level'), action => action.level, true], [t('what'), action => action.text], [t('command'), action => (action.command ? h('code', null, `batchmgr ${action.command}`) : '–')]], incident.actions, t('incident.actions.none')),
      sameAs(commandOf('incident', 'show', id)),
    ],
  };
}

// Runbooks

export async function runbooksPage({ person }) {
  const { runbooks } = await getAll('/api/runbooks');
  return {
    body: [
      runbooks.length ? runbooks.map(book => [
        h('h2', null, book.title), h('p', null, book.when),
        table(book.title, [
          [t('step'), step => step.id], [t('level'), step => step.level, true], [t('runbook.who'), step => t(`runbook.level.${step.level}`)], [t('what'), step => step.text],
          [t('command'), step => (step.run.length ? h('code', null, commandOf(...step.run)) : '–')],
        ], book.steps),
        person.may('admin') ? h('div', { class: 'bar' }, h('button', { type: 'button', onclick: () => carryOut(book) }, t('runbook.run'))) : null,
        sameAs(commandOf('runbook', 'run', book.runbook)),
      ]) : h('p', { class: 'quiet' }, t('runbooks.none')),
    ],
  };
}

function carryOut(book) {
  const tenant = field(t('tenant'), { value: sessionStorage.getItem('tenant') || '' });
  const yes = field(t('runbook.yes'), { type: 'checkbox' });
  ask({
    title: `${t('runbook.run')}: ${book.title}`, body: [h('p', null, t('runbook.what')), tenant.element, yes.element], confirm: t('runbook.run'), typed: book.runbook,
    perform: async () => {
      const report = await post(`/api/runbooks/${book.runbook}/run`, { yes: yes.input.checked }, { tenant: tenant.input.value.trim() });
      ask({
        title: book.title, confirm: t('ok'), perform: async () => undefined,
        body: [
          table(t('batch.steps'), [[t('step'), step => step.id], [t('outcome'), step => state(step.outcome)], [t('why'), step => step.detail || '']], report.steps),
          h('h3', null, t('runbook.checks')),
          table(t('runbook.checks'), [[t('what'), check => check.name], [t('state'), check => state(check.ok ? 'passed' : 'failed')], [t('why'), check => check.detail]], report.checklist),
        ],
      });
    },
  });
}
