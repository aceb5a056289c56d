// Commands to the session; only a server that was started with --controls takes them.
const mayOrder = () => document.documentElement.dataset.controls === 'yes';

// A session that does not run takes no orders.
function showControls(running) { byId('controls').hidden = !(mayOrder() && running); }

function controls(key, session) {
  if (!mayOrder()) return;
  const form = byId('command'), answer = byId('answer');
  const confirmed = new Set(['flatten', 'stop']);
  byId('confirm').placeholder = session;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const action = event.submitter ? event.submitter.value : 'pause';
    const reason = byId('reason').value.trim(), confirm = byId('confirm').value.trim();
    if (!reason) { answer.textContent = 'Say why: the reason is kept in the journal.'; byId('reason').focus(); return; }
    if (confirmed.has(action) && confirm !== session) {
      answer.textContent = `To ${action}, type the session's name: ${session}`;
      byId('confirm').focus();
      return;
    }
    const buttons = [...form.querySelectorAll('button')];
    buttons.forEach((button) => { button.disabled = true; });
    answer.textContent = `${action}: asked`;
    try {
      const reply = await fetch(`/command/${key}`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ action, reason, confirm: confirmed.has(action) ? confirm : '' }),
      });
      const text = await reply.text();
      const said = reply.headers.get('content-type').startsWith('application/json') ? JSON.parse(text).text : text;
      answer.textContent = `${action}: ${said}`;
      if (reply.ok) { byId('reason').value = ''; byId('confirm').value = ''; }
    } catch (error) {
      answer.textContent = `${action}: no answer from butler serve (${error.message})`;
    } finally {
      buttons.forEach((button) => { button.disabled = false; });
    }
  });
}
