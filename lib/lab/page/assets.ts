/** The files of the page. They have no secrets: those come from the server's other paths, which ask for the token. */

export const PAGE_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>lab</title>
<link rel="stylesheet" href="/page.css">
<script type="module" src="/page.js"></script>
</head>
<body>
<header>
  <h1>lab</h1><span id="seed"></span><span id="status" role="status">connecting…</span>
  <button type="button" id="heal">Heal all</button>
</header>
<main>
  <div id="picture" tabindex="0" aria-label="the hosts and networks of the lab"></div>
  <aside>
    <section id="panel"><p class="hint">Click a host, a network or a wire to see it, and to break it.</p></section>
    <section><h2>Faults</h2><ul id="faults"></ul></section>
    <section><h2>Events</h2><ol id="events"></ol></section>
  </aside>
</main>
</body>
</html>
`;

export const PAGE_CSS = `
* { box-sizing: border-box; }
body { margin: 0; font: 14px/1.45 system-ui, sans-serif; color: #1f2933; background: #f4f6f8; }
header { display: flex; align-items: center; gap: 14px; padding: 8px 16px; background: #1f2933; color: #fff; }
h1 { font-size: 17px; margin: 0; }
#seed { color: #cbd2d9; }
#status { margin-left: auto; padding: 1px 10px; border-radius: 10px; background: #52606d; }
#status.live { background: #207a4b; }
#status.lost { background: #b91c1c; }
main { display: grid; grid-template-columns: minmax(0, 1fr) 340px; height: calc(100vh - 46px); }
#picture { overflow: auto; background: #fff; padding: 12px; }
#picture svg { display: block; margin: auto; max-width: 100%; max-height: 100%; height: auto; }
#picture [data-host], #picture [data-network] { cursor: pointer; }
#picture .chosen rect { stroke: #6b46c1; stroke-width: 3.5; }
#picture path.chosen { stroke: #6b46c1; stroke-width: 4; }
#picture path.busy { stroke: #2f855a; }
aside { overflow: auto; padding: 0 14px 14px; border-left: 1px solid #cbd2d9; }
h2 { font-size: 14px; margin: 14px 0 4px; border-bottom: 1px solid #cbd2d9; }
#panel { margin-top: 12px; }
#panel h2 { font-size: 16px; border: 0; margin: 0; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 10px; margin: 4px 0 8px; }
dt { color: #5b6770; }
dd { margin: 0; overflow-wrap: anywhere; }
.hint { color: #5b6770; }
.error { color: #b91c1c; font-weight: 600; }
button { font: inherit; padding: 3px 10px; margin: 2px 4px 2px 0; border: 1px solid #9fb3c8; border-radius: 5px; background: #fff; color: #1f2933; cursor: pointer; }
button:hover, button:focus-visible { background: #e6f0fa; }
form { display: grid; grid-template-columns: 1fr 90px; gap: 4px 8px; align-items: center; margin-top: 8px; }
input { font: inherit; width: 100%; padding: 2px 6px; }
form div { grid-column: 1 / 3; }
ul, ol { list-style: none; margin: 0; padding: 0; }
#faults li { color: #b91c1c; }
#events li { font-size: 12.5px; display: grid; grid-template-columns: 74px 1fr; gap: 8px; }
#events time { color: #5b6770; text-align: right; }
#events .fault { color: #b91c1c; }
`;

export const PAGE_JS = `
const token = location.hash.slice(1);
const by = (id) => document.getElementById(id);
let chosen; // { host } or { network } or { host, network }
let state = { hosts: {}, networks: {}, faults: [], links: [] };

function element(name, text, properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...properties });
}

async function send(action) {
  const response = await fetch('/api/do', {
    method: 'POST',
    headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' },
    body: JSON.stringify(action),
  });
  const old = document.querySelector('.error');
  old?.remove();
  if (!response.ok) by('panel').append(element('p', (await response.json()).error, { className: 'error' }));
}

function button(words, action) {
  return element('button', words, { type: 'button', onclick: () => send(action) });
}

function drawPicture(svg) {
  const drawn = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  by('picture').replaceChildren(document.importNode(drawn, true));
  markChosen();
}

function isChosen(node) {
  const { host, network } = node.dataset;
  return chosen !== undefined && host === chosen.host && network === chosen.network;
}

function markChosen() {
  for (const node of by('picture').querySelectorAll('[data-host], [data-network]')) {
    node.classList.toggle('chosen', isChosen(node));
  }
}

function size(bytes) {
  if (bytes < 1000) return Math.round(bytes) + ' B/s';
  const units = ['kB/s', 'MB/s', 'GB/s'];
  let unit = 0;
  for (bytes /= 1000; bytes >= 1000 && unit < 2; unit++) bytes /= 1000;
  return bytes.toFixed(1) + ' ' + units[unit];
}

function drawTraffic() {
  for (const path of by('picture').querySelectorAll('path[data-port]')) {
    const link = state.links.find(({ port }) => port === path.dataset.port);
    const bytes = link === undefined ? 0 : link.out + link.in;
    path.style.strokeWidth = 2 + Math.min(6, Math.log10(1 + bytes));
    path.classList.toggle('busy', bytes > 0 && !path.classList.contains('fault'));
    const title = path.querySelector('title') ?? path.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'title'));
    title.textContent = link === undefined ? '' : link.host + ' sends ' + size(link.out) + ', receives ' + size(link.in);
  }
}

function facts(pairs) {
  const list = document.createElement('dl');
  for (const [name, value] of pairs) list.append(element('dt', name), element('dd', value));
  return list;
}

function traffic(links) {
  const sum = (key) => links.reduce((total, link) => total + link[key], 0);
  return [['sends', size(sum('out'))], ['receives', size(sum('in'))]];
}

function impairForm(target) {
  const form = document.createElement('form');
  const fields = [['delay', 'delay, ms'], ['jitter', 'jitter, ms'], ['loss', 'loss, 0 to 1'], ['rate', 'rate, 10mbit']];
  for (const [name, words] of fields) {
    const input = element('input', '', { name, id: 'impair-' + name });
    form.append(element('label', words, { htmlFor: input.id }), input);
  }
  const row = document.createElement('div');
  row.append(element('button', 'Impair', { type: 'submit' }), button('Unimpair', { do: 'impair', ...target, impairment: null }));
  form.append(row);
  form.onsubmit = (event) => {
    event.preventDefault();
    const impairment = {};
    for (const [name, value] of new FormData(form)) {
      if (value.trim() !== '') impairment[name] = name === 'rate' ? value.trim() : Number(value);
    }
    send({ do: 'impair', ...target, impairment });
  };
  return form;
}

function panelOf({ host, network }) {
  const links = state.links.filter((link) => (host ?? link.host) === link.host && (network ?? link.network) === link.network);
  if (host !== undefined && network !== undefined) {
    const unplugged = state.hosts[host]?.unplugged.includes(network);
    return [
      element('h2', host + ' on ' + network),
      facts(traffic(links)),
      unplugged ? button('Plug in', { do: 'up', host, network }) : button('Unplug', { do: 'down', host, network }),
      impairForm({ host, network }),
    ];
  }
  if (host !== undefined) {
    const { state: now, addresses } = state.hosts[host];
    const running = now === 'running';
    return [
      element('h2', host),
      facts([['state', now], ['addresses', addresses.join(', ') || 'none'], ...traffic(links)]),
      now === 'crashed' ? button('Restart', { do: 'restart', host }) : button('Crash', { do: 'crash', host }),
      ...(running ? [button('Pause', { do: 'pause', host })] : now === 'paused' ? [button('Resume', { do: 'resume', host })] : []),
      button('Isolate', { do: 'isolate', host }),
      element('p', 'A shell: linux-ns lab exec ' + host, { className: 'hint' }),
    ];
  }
  const { subnet, subnet6 } = state.networks[network];
  return [
    element('h2', network),
    facts([['addresses', [subnet, subnet6].filter(Boolean).join(', ') || 'none']]),
    impairForm({ network }),
  ];
}

function drawPanel() {
  if (chosen === undefined) return;
  const isGone = (chosen.host !== undefined && !(chosen.host in state.hosts)) || (chosen.network !== undefined && !(chosen.network in state.networks));
  if (isGone) {
    chosen = undefined;
    by('panel').replaceChildren();
    return;
  }
  // What is being typed is not taken away.
  if (by('panel').querySelector('form')?.contains(document.activeElement)) return;
  const values = [...by('panel').querySelectorAll('input')].map(({ value }) => value);
  const error = by('panel').querySelector('.error');
  by('panel').replaceChildren(...panelOf(chosen), ...(error === null ? [] : [error]));
  by('panel').querySelectorAll('input').forEach((input, index) => (input.value = values[index] ?? ''));
}

function addEvents(events) {
  for (const { at, kind, what } of events) {
    const item = element('li', '', { className: kind });
    item.append(element('time', (at / 1000).toFixed(2) + ' s'), element('span', what));
    by('events').prepend(item);
  }
  while (by('events').children.length > 200) by('events').lastChild.remove();
}

// What comes while a button of the mouse is down waits until it is up: a click on what is drawn anew meanwhile goes nowhere.
let waiting;
addEventListener('pointerdown', () => (waiting ??= []), true);
for (const type of ['pointerup', 'pointercancel']) {
  addEventListener(type, () => setTimeout(takeWaiting), true); // the click comes before it
}

function takeWaiting() {
  const messages = waiting ?? [];
  waiting = undefined;
  messages.forEach(take);
}

function take(message) {
  if (waiting !== undefined) {
    waiting.push(message);
    return;
  }
  if (message.events !== undefined) addEvents(message.events);
  if (message.state !== undefined) {
    state = { ...state, ...message.state };
    by('seed').textContent = 'seed ' + state.seed;
    by('faults').replaceChildren(...state.faults.map((words) => element('li', words)));
    drawPicture(message.svg);
    drawPanel();
  }
  if (message.links !== undefined) {
    state.links = message.links;
    drawTraffic();
    drawPanel();
  }
}

async function live() {
  const response = await fetch('/api/live', { headers: { authorization: 'Bearer ' + token } });
  if (!response.ok) {
    by('status').textContent = response.status === 401 ? 'the address has no valid token' : 'refused';
    by('status').className = 'lost';
    return;
  }
  by('status').textContent = 'live';
  by('status').className = 'live';
  let text = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
    const lines = (text + value).split('\\n');
    text = lines.pop();
    for (const line of lines) take(JSON.parse(line));
  }
}

by('picture').addEventListener('click', ({ target }) => {
  const node = target.closest('[data-host], [data-network]');
  if (node === null) return;
  chosen = { host: node.dataset.host, network: node.dataset.network };
  by('panel').replaceChildren();
  markChosen();
  drawPanel();
});
by('heal').addEventListener('click', () => send({ do: 'heal' }));

live().catch(() => undefined).finally(() => {
  if (by('status').className !== 'live') return;
  by('status').textContent = 'the lab is gone';
  by('status').className = 'lost';
});
`;
