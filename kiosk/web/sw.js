/**
 * Keeps the kiosk's page on the machine, so that it can be loaded while the server is away.
 *
 * The server writes version and files into the two lines below. The files have that version in their addresses and never change: they come
 * from the cache. The page itself comes from the server, or from the cache when the server does not answer in time; there it is always one
 * that asks for these files, never one of another version.
 */
const VERSION = "none";
const FILES = [];

const SHELL = `kiosk-${VERSION}`;
const PATIENCE_MS = 3000;

async function install() {
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  // The pages that stand open were loaded without this worker.
  const pages = open.map((client) => new URL(client.url).pathname).filter((path) => path.startsWith("/kiosk/"));
  const loaded = await Promise.all([...FILES.map(file), ...pages.map(page)]);
  const shell = await caches.open(SHELL);
  await Promise.all(loaded.map(([path, response]) => response && shell.put(path, response)));
  await self.skipWaiting();
}

/** During an update another worker of the server may answer, with its own file under this address: then this is not the time. */
async function file(path) {
  const response = await fetch(path);
  if (!response.ok || !response.headers.get("Cache-Control")?.includes("immutable")) throw new Error(`${path} is of another version`);
  return [path, response];
}

async function page(path) {
  const response = await fetch(path);
  if (response.ok && !(await isOurs(response))) throw new Error(`${path} is of another version`);
  return [path, response.ok ? response : null];
}

/** Whether this page asks for the files that are kept here. */
async function isOurs(response) {
  return (await response.clone().text()).includes(`/v/${VERSION}/`);
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function kept(request, path) {
  const shell = await caches.open(SHELL);
  return (await shell.match(path)) ?? fetch(request);
}

async function loaded(request, path) {
  const shell = await caches.open(SHELL);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const asked = fetch(request).then(
    async (response) => {
      if (response.ok && (await isOurs(response))) await shell.put(path, response.clone());
      // Something before a dead server answers in its place.
      return response.status < 500 ? response : null;
    },
    () => null,
  );
  return (await Promise.race([asked, late])) ?? (await shell.match(path)) ?? (await asked) ?? Response.error();
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(loaded(request, pathname));
  else if (FILES.includes(pathname)) event.respondWith(kept(request, pathname));
});
