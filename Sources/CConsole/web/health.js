// What needs a person first, then how things are.

import { get, getAll, listen } from './api.js';
import { h, t, table, facts, time, state, rowsOf, bytes, count, sameAs, commandOf } from './page.js';

const link = batch => h('a', { href: `#/batches/${encodeURIComponent(batch)}` }, batch);

export async function health({ again }) {
  const [status, service, counts, slo] = await Promise.all([get('/api/status'), getAll('/health').catch(() => null), getAll('/metrics.json').catch(() => null), getAll('/api/slo').catch(() => null)]);
  const incidents = (await get('/api/incidents', { status: 'open', limit: 20 }).catch(() => null))?.incidents || [];
  // Whoever is for one tenant alone is not told of the whole service.
  const ready = !service ? null : service.ready
    ? h('p', { class: 'notice' }, h('strong', { class: 'good' }, t('health.ready')))
    : h('div', { class: 'notice bad' }, h('strong', { class: 'bad' }, t('health.not')), h('ul', null, service.reasons.map(reason => h('li', null, reason))));
  const waiting = [
    ...incidents.map(entry => [h('a', { href: `#/incidents/${entry.id}` }, entry.id), entry.title, entry.status]),
    ...status.half_done.map(batch => [link(batch.batch), t('health.half'), batch.status]),
    ...status.waiting.map(plan => [h('a', { href: `#/approvals/${plan.plan}` }, plan.plan), t('health.plan', { job: plan.job }), plan.status]),
    ...(counts?.error ? [[h('a', { href: '#/queue' }, t('page.queue')), t('health.dead', { count: count(counts.error) }), 'dead']] : []),
  ];
  let soon = null;
  const end = listen(name => { if (name !== 'job' && !soon) soon = setTimeout(again, 1000); });
  return {
    leave: () => { clearTimeout(soon); end(); },
    body: [
      ready,
      h('h2', null, t('health.person')),
      table(t('health.person'), [[t('what'), row => row[0]], [t('why'), row => row[1]], [t('state'), row => state(row[2])]], waiting, t('health.none')),
      status.switches.length ? [h('h2', null, t('page.switches')),
        table(t('page.switches'), [[t('name'), entry => h('a', { href: '#/switches' }, entry.name)], [t('value'), entry => entry.value], [t('why'), entry => entry.reason]], status.switches)] : null,
      h('h2', null, t('health.now')),
      h('div', { class: 'cards' },
        card(t('queue.queued'), counts?.queued), card(t('queue.running'), counts?.running), card(t('queue.lost'), counts?.error),
        card(t('points.pending'), status.pending_points)),
      slo ? promises(slo) : null,
      h('h2', null, t('health.latest')),
      table(t('health.latest'), [
        [t('batch'), batch => link(batch.batch)], [t('tenant'), batch => batch.tenant || '–'], [t('state'), batch => state(batch.status)],
        [t('rows'), batch => rowsOf(batch.rows), true], [t('ended'), batch => time(batch.finished_at)],
      ], status.batches, t('batches.none')),
      h('h2', null, t('health.sizes')),
      table(t('health.sizes'), [[t('what'), size => size.name], [t('size'), size => bytes(size.bytes), true], [t('kept'), size => size.keep || t('all')]], status.sizes),
      status.oldest_unproven ? facts([[t('points.oldest'), [status.oldest_unproven.point, ' · ', time(status.oldest_unproven.created_at)]]]) : null,
      sameAs(commandOf('status')),
    ],
  };
}

const card = (name, figure) => h('div', { class: 'card' }, h('span', { class: 'figure' }, figure === undefined ? '–' : count(figure)), name);

const share = part => `${(100 * part).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 })} %`;
const milliseconds = number => (number === null || number === undefined ? '–' : `${count(Math.round(number))} ms`);

/** What the service promises, and whether it is kept. */
function promises(slo) {
  return [
    h('h2', null, t('slo')),
    table(t('slo'), [
      [t('slo.surface'), entry => t(`slo.${entry.surface}`)], [t('state'), entry => state(entry.level)], [t('slo.target'), entry => milliseconds(entry.p95_target_ms), true],
      [t('slo.p95'), entry => milliseconds(entry.windows[0]?.p95_ms), true], [t('slo.errors'), entry => share((entry.windows[0]?.error_percent || 0) / 100), true],
      [t('slo.burn'), entry => entry.windows.map(window => (window.burn_rate ?? 0).toFixed(1)).join(' / '), true], [t('slo.left'), entry => share(entry.budget_left), true],
    ], slo.surfaces),
    slo.nightly.length ? table(t('slo.nightly'), [
      [t('job'), entry => h('a', { href: `#/jobs/${entry.job}` }, entry.job)], [t('state'), entry => state(entry.level)], [t('slo.success'), entry => time(entry.last_success)],
    ], slo.nightly) : null,
  ];
}
