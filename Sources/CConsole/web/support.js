// Looking at a tenant on its behalf: for a reason, for a short time, seen by the tenant.

import { getAll, postAll } from './api.js';
import { h, t, table, time, state, field, ask, sameAs, commandOf } from './page.js';

export async function supportPage({ again, person }) {
  const { sessions } = await getAll('/api/support');
  const end = entry => ask({ title: `${t('support.end')}: ${entry.session}`, body: null, confirm: t('support.end'), perform: async () => { await postAll(`/api/support/${entry.session.split('.')[1]}/end`); await again(); return `${entry.session}: ${t('state.ended')}`; } });
  const approve = entry => ask({ title: `${t('approve')}: ${entry.session}`, body: h('p', null, t('support.approve.what', { tenant: entry.tenant })), confirm: t('approve'), perform: async () => { await postAll(`/api/support/${entry.session.split('.')[1]}/approve`); await again(); return `${entry.session}: ${t('plan.approve.done')}`; } });
  const buttons = entry => h('div', { class: 'bar' },
    entry.state === 'waiting' && person.may('approver') && entry.person !== person.name ? h('button', { type: 'button', onclick: () => approve(entry) }, t('approve')) : null,
    ['open', 'waiting'].includes(entry.state) ? h('button', { type: 'button', onclick: () => end(entry) }, t('support.end')) : null);
  return {
    body: [
      h('p', null, t('support.what')),
      h('div', { class: 'bar' }, h('button', { type: 'button', class: 'first', onclick: () => open(again) }, t('support.open'))),
      table(t('page.support'), [
        [t('name'), entry => entry.session], [t('tenant'), entry => entry.tenant], [t('actor'), entry => entry.person], [t('reason'), entry => entry.reason], [t('state'), entry => state(entry.state)],
        [t('support.write'), entry => (entry.write ? entry.approved_by || t('support.unapproved') : t('no'))], [t('until'), entry => time(entry.ended_at || entry.expires_at)], [t('actions'), buttons],
      ], sessions, t('support.none')),
      sameAs(commandOf('support', 'list')),
    ],
  };
}

function open(again) {
  const tenant = field(t('tenant'), { required: true, value: sessionStorage.getItem('tenant') || '' });
  const reason = field(t('reason'), { required: true });
  const span = field(t('for'), { value: '30m' });
  const write = field(t('support.write.wanted'), { type: 'checkbox' });
  ask({
    title: t('support.open'), body: [tenant.element, reason.element, span.element, write.element], confirm: t('support.open'),
    perform: async () => {
      const made = await postAll('/api/support', { tenant: tenant.input.value.trim(), reason: reason.input.value.trim(), for: span.input.value.trim(), write: write.input.checked });
      await again();
      ask({
        title: made.session, confirm: t('support.begin'),
        body: [h('p', null, t('support.token')), h('pre', { tabindex: 0 }, made.token)],
        perform: async () => {
          await postAll('/api/session/end');
          sessionStorage.clear();
          await postAll('/api/session', { token: made.token });
          location.hash = '#/';
          location.reload();
        },
      });
    },
  });
}

/** On every page while somebody acts on behalf of a tenant. */
export function banner(session) {
  if (!session.on_behalf_of) return null;
  const left = Math.max(0, Math.round((new Date(session.until) - new Date()) / 60000));
  return h('div', { class: 'notice warn support', role: 'status' }, h('strong', null, t('support.banner', { tenant: session.on_behalf_of, minutes: left })), ' ', t('support.seen'));
}
