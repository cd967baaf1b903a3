/**
 * Keeps the kiosk's page on the machine, so that it can be loaded while the server is away.
 *
 * The server writes version and files into the two lines below. Files of one version never change: they come from the cache. The page
 * itself comes from the server, or from the cache when the server does not answer in time.
 */
const VERSION = "none";
const FILES = [];

const SHELL = `kiosk-${VERSION}`;
const PAGES = "kiosk-pages";
const PATIENCE_MS = 3000;

async function install() {
  const shell = await caches.open(SHELL);
  await shell.addAll(FILES.map((file) => new Request(file, { cache: "reload" })));
  await self.skipWaiting();
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => ![SHELL, PAGES].includes(name)).map((name) => caches.delete(name)));
  // The page that brought this worker was loaded without it.
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const pages = await caches.open(PAGES);
  await Promise.allSettled(open.map((client) => pages.add(new URL(client.url).pathname)));
  await self.clients.claim();
}

async function file(request, path) {
  const shell = await caches.open(SHELL);
  return (await shell.match(path)) ?? fetch(request);
}

async function page(request, path) {
  const pages = await caches.open(PAGES);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const asked = fetch(request).then(
    async (response) => {
      if (response.ok) await pages.put(path, response.clone());
      // Something before a dead server answers in its place.
      return response.status < 500 ? response : null;
    },
    () => null,
  );
  return (await Promise.race([asked, late])) ?? (await pages.match(path)) ?? (await asked) ?? Response.error();
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request, pathname));
  else if (FILES.includes(pathname)) event.respondWith(file(request, pathname));
});
