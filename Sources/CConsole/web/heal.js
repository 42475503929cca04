// What repairs itself, and what the data has to keep.

import { get, post } from './api.js';
import { h, t, fill, newest, table, time, state, count, shown, field, ask, fault, sameAs, commandOf } from './page.js';

const batchLink = batch => (batch ? h('a', { href: `#/batches/${batch}` }, batch) : '–');
const planLink = plan => (plan ? h('a', { href: `#/approvals/${plan}` }, plan) : null);

export async function healPage({ again, person }) {
  const [{ jobs }, { executions }] = await Promise.all([get('/api/heal'), get('/api/heal/history', { limit: 50 })]);
  const found = h('div', { 'aria-live': 'polite' });
  const scan = newest(found, async job => {
    const report = await get('/api/heal/findings', { job });
    return [
      h('h2', null, t('heal.findings')),
      h('p', { class: 'quiet' }, Object.entries(report.counts).map(([name, number]) => `${name}: ${count(number)}`).join(' · ')),
      table(t('heal.findings'), [
        [t('job'), entry => entry.job], [t('tenant'), entry => entry.tenant || '–'], [t('key'), entry => shown(entry.key)], [t('why'), entry => entry.reason],
        [t('heal.found'), entry => shown(entry.found)], [t('heal.expected'), entry => shown(entry.expected)],
      ], report.findings.slice(0, 500), t('heal.well')),
      sameAs(commandOf('heal', 'scan', ...(job ? [job] : []))),
    ];
  });
  const buttons = job => h('div', { class: 'bar' },
    h('button', { type: 'button', onclick: () => scan(job.id) }, t('heal.scan')),
    person.may('operator') ? [
      h('button', { type: 'button', onclick: () => repair(job, true, again) }, t('heal.try')),
      h('button', { type: 'button', class: 'first', onclick: () => repair(job, false, again) }, t('heal.apply')),
      job.frozen ? h('button', { type: 'button', onclick: () => thaw(job, again) }, t('heal.thaw')) : null,
    ] : null);
  return {
    body: [
      h('div', { class: 'bar' }, h('button', { type: 'button', onclick: () => scan('') }, t('heal.scan.all'))),
      table(t('page.heal'), [
        [t('job'), job => h('a', { href: `#/jobs/${job.id}` }, job.id)], [t('what'), job => job.description], [t('kind'), job => h('span', { class: 'plain' }, job.class)], [t('level'), job => job.level, true],
        [t('state'), job => (job.frozen ? h('span', { class: 'state bad' }, `${t('heal.frozen')}: ${job.frozen_tenants.join(', ')}`) : job.enabled ? h('span', { class: 'plain' }, t('active')) : h('span', { class: 'state warn' }, t('heal.held')))],
        [t('heal.last'), job => (job.last_outcome ? state(job.last_outcome) : '–')], [t('actions'), buttons],
      ], jobs, t('heal.none')),
      found,
      h('h2', null, t('heal.history')),
      table(t('heal.history'), [
        [t('at'), entry => time(entry.started_at)], [t('job'), entry => entry.job], [t('tenant'), entry => entry.tenant || '–'], [t('heal.mode'), entry => t(`heal.${entry.mode}`)],
        [t('outcome'), entry => state(entry.outcome)], [t('batch'), entry => batchLink(entry.batch)], [t('actor'), entry => entry.actor],
        [t('trace'), entry => h('a', { href: `#/audit?trace=${entry.trace_id}` }, entry.trace_id.slice(0, 8))],
      ], [...executions].reverse(), t('heal.never')),
      sameAs(commandOf('heal', 'list')),
    ],
  };
}

function repair(job, isDry, again) {
  const outcome = h('div', { 'aria-live': 'polite' });
  ask({
    title: `${t(isDry ? 'heal.try' : 'heal.apply')}: ${job.id}`, confirm: t(isDry ? 'heal.try' : 'heal.apply'),
    body: [h('p', null, t(isDry ? 'heal.try.what' : `heal.level.${Math.min(job.level, 3)}`)), outcome], typed: !isDry && job.level >= 2 ? job.id : null,
    perform: async () => {
      const report = await post(`/api/heal/${job.id}/run`, { dry_run: isDry });
      tellOutcome(job, report, again);
    },
  });
}

/** What became of each tenant, in a dialog of its own: it has links. */
function tellOutcome(job, report, again) {
  ask({
    title: job.id, confirm: t('ok'),
    body: [
      h('p', null, t('heal.counts', { before: count(report.findings_before), after: report.findings_after === null ? '–' : count(report.findings_after) })),
      table(t('outcome'), [
        [t('tenant'), entry => entry.tenant || '–'], [t('outcome'), entry => state(entry.outcome)], [t('batch'), entry => planLink(entry.plan) || batchLink(entry.batch)],
        [t('why'), entry => entry.message || ''],
      ], report.executions, t('heal.well')),
    ],
    perform: async () => again(),
  });
}

function thaw(job, again) {
  const why = field(t('reason'), { required: true });
  ask({ title: `${t('heal.thaw')}: ${job.id}`, body: why.element, confirm: t('heal.thaw'), perform: async () => { await post(`/api/heal/${job.id}/thaw`, { reason: why.input.value }); await again(); return `${job.id}: ${t('done')}`; } });
}

// Contracts

export async function contractsPage() {
  const { contracts } = await get('/api/contracts');
  const place = h('div');
  const show = entries => fill(place, table(t('page.contracts'), [
    [t('name'), entry => entry.id], [t('what'), entry => entry.description], [t('kind'), entry => h('span', { class: 'plain' }, entry.class)], [t('severity'), entry => t(`severity.${entry.severity}`)],
    [t('contract.when'), entry => t(`when.${entry.when}`)], [t('state'), entry => (entry.status ? state(entry.status) : t('contract.unasked'))],
    [t('contract.violations'), entry => (entry.status ? count(entry.violations) : ''), true], [t('contract.batch'), entry => (entry.status ? batchLink(entry.batch) : '')],
    [t('why'), entry => entry.error || ''],
  ], entries, t('contracts.none')),
  entries.filter(entry => entry.rows?.length).map(entry => [h('h2', null, entry.id),
    table(entry.id, Object.keys(entry.rows[0]).map(column => [column, row => shown(row[column])]), entry.rows.slice(0, 100))]));
  const check = async () => {
    fill(place, h('p', { class: 'quiet' }, t('loading')));
    try { show((await get('/api/contracts/check')).contracts); } catch (error) { fill(place, fault(error)); }
  };
  show(contracts);
  return { body: [h('div', { class: 'bar' }, h('button', { type: 'button', class: 'first', onclick: check, disabled: !contracts.length }, t('contract.check'))), place, sameAs(commandOf('contract', 'check'))] };
}
