
'use strict';
(async () => {
  const token = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
  if (!token) { location.replace('/refused'); return; }
  try {
    const answer = await fetch('/enter', {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token }),
    });
    location.replace(answer.ok ? '/' : '/refused');
  } catch (error) {
    document.getElementById('said').textContent = `The server does not answer: ${error.message}`;
  }
})();
