// Acme Boards: a small product whose customers manage their webhooks in the portal of Postrider, inside a page of the product.
// Without dependencies: what matters are `portalLink` and the page in `settings`.
//
//   POSTRIDER_URL=http://127.0.0.1:8400 POSTRIDER_CLIENT_ID=… POSTRIDER_SECRET=… npm start
//
// then http://localhost:3300. `allowedOrigins` of the portal's settings must hold this origin; see docs/embedding.md.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const { POSTRIDER_URL = 'http://127.0.0.1:8400', POSTRIDER_CLIENT_ID, POSTRIDER_SECRET, PORT = '3300' } = process.env;
if (!POSTRIDER_CLIENT_ID || !POSTRIDER_SECRET) {
  console.error('set POSTRIDER_CLIENT_ID and POSTRIDER_SECRET, as the first start of Postrider printed them');
  process.exit(2);
}

// The product's own users and sessions. A real one has passwords; two people of two customers are enough here.
const USERS = {
  ada: { name: 'Ada', tenant: 'globex', permissions: ['fe.connectivity.*'] },
  grace: { name: 'Grace', tenant: 'initech', permissions: ['fe.connectivity.*'] },
};
const sessions = new Map();

// --- Postrider ---

let token;
let tokenUntil = 0;

async function vendorToken() {
  if (Date.now() < tokenUntil) return token;
  const answer = await fetch(`${POSTRIDER_URL}/auth/vendor`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ clientId: POSTRIDER_CLIENT_ID, secret: POSTRIDER_SECRET }),
  });
  if (!answer.ok) throw new Error(`Postrider gave no token: ${answer.status} ${await answer.text()}`);
  const login = await answer.json();
  token = login.token;
  tokenUntil = Date.now() + (login.expiresIn - 60) * 1000;
  return token;
}

// A link for one user, who opens it once. Tenant and permissions come from the product's own session, never from the browser: whoever
// can choose the tenant can open everybody's portal.
async function portalLink(user) {
  const answer = await fetch(`${POSTRIDER_URL}/api/v1/portal-links`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await vendorToken()}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      tenantId: user.tenant,
      userId: user.id,
      permissions: user.permissions,
      expiresInSeconds: 3600,
    }),
  });
  if (!answer.ok) throw new Error(`Postrider made no link: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).url;
}

// --- pages ---

const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const page = (title, body) => `<!doctype html>
<html lang="en">
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>${escape(title)}</title>
<link rel="stylesheet" href="/style.css" />
${body}
</html>`;

const STYLE = `body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color-scheme: light dark; }
header { display: flex; gap: 1rem; align-items: center; padding: 0.75rem 1.5rem; border-bottom: 1px solid #8884; }
header form { margin-left: auto; }
main { padding: 1rem 1.5rem; max-width: 75rem; margin: auto; }`;

const signIn = () => page('Acme Boards', `<main><h1>Acme Boards</h1>
<form method="post" action="/sign-in"><button name="user" value="ada">Sign in as Ada of Globex</button></form>
<form method="post" action="/sign-in"><button name="user" value="grace">Sign in as Grace of Initech</button></form></main>`);

const settings = (user, link) => page('Webhooks – Acme Boards', `<header><b>Acme Boards</b> <span>${escape(user.name)}, ${escape(user.tenant)}</span>
<form method="post" action="/sign-out"><button>Sign out</button></form></header>
<main>
<h1>Webhooks</h1>
<postrider-portal id="portal" label="Webhooks" accent="#7c3aed" link="${escape(link)}"></postrider-portal>
</main>
<script type="module" src="${escape(POSTRIDER_URL)}/portal/embed.js"></script>
<script type="module" src="/portal.js"></script>`);

// When the session of the portal has ended, the page asks the product for a new link. Whoever is signed out there gets none.
const PORTAL_SCRIPT = `document.getElementById('portal').renew = async () => {
  const answer = await fetch('/portal-link', { method: 'POST', headers: { 'x-requested-by': 'acme-boards' } });
  if (!answer.ok) throw new Error('signed out');
  return (await answer.json()).url;
};`;

// --- the server ---

const cookie = (request) => /(?:^|; )session=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];

async function form(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 1000) throw new Error('too large');
  }
  return new URLSearchParams(text);
}

async function answer(request, response) {
  const user = sessions.get(cookie(request));
  const send = (status, type, body, headers = {}) => {
    // What this page loads and frames: its own files, the script of Postrider, the portal. Links are for one browser, so nothing is kept.
    const policy = `default-src 'none'; style-src 'self'; script-src 'self' ${POSTRIDER_URL}; frame-src ${POSTRIDER_URL}; connect-src 'self'; form-action 'self'; frame-ancestors 'none'`;
    response.writeHead(status, { 'content-type': type, 'content-security-policy': policy, 'cache-control': 'no-store', ...headers });
    response.end(body);
  };
  const html = (body) => send(200, 'text/html; charset=utf-8', body);
  switch (`${request.method} ${request.url}`) {
    case 'GET /':
      return html(user ? settings(user, await portalLink(user)) : signIn());
    case 'GET /style.css':
      return send(200, 'text/css', STYLE);
    case 'GET /portal.js':
      return send(200, 'text/javascript', PORTAL_SCRIPT);
    case 'POST /sign-in': {
      const id = (await form(request)).get('user');
      if (!Object.hasOwn(USERS, id)) return send(400, 'text/plain', 'no such user');
      const session = randomUUID();
      sessions.set(session, { id, ...USERS[id] });
      return send(303, 'text/plain', '', { location: '/', 'set-cookie': `session=${session}; HttpOnly; SameSite=Lax; Path=/` });
    }
    case 'POST /sign-out':
      sessions.delete(cookie(request));
      return send(303, 'text/plain', '', { location: '/', 'set-cookie': 'session=; Max-Age=0; Path=/' });
    case 'POST /portal-link':
      // The header keeps other sites' forms out, which cannot send it.
      if (!user || !request.headers['x-requested-by']) return send(401, 'text/plain', 'signed out');
      return send(200, 'application/json', JSON.stringify({ url: await portalLink(user) }));
    default:
      return send(404, 'text/plain', 'there is nothing here');
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error.message);
    response.writeHead(502, { 'content-type': 'text/plain' }).end('the portal cannot be opened at the moment');
  });
});
server.listen(Number(PORT), 'localhost', () => console.log(`Acme Boards listens on http://localhost:${server.address().port}`));
