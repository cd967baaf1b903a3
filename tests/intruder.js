/** Somebody who has got a script into the kiosk's page: does what the test says, and tells four times a second what can be seen from inside. */
const page = crypto.randomUUID();
const armed = [];

const deeds = {
  go: (url) => { location.href = url; },
  open: (url, features) => { window.open(url, "_blank", features); },
  many: (url) => { for (let n = 0; n < 5; n += 1) window.open(url); },
  blob: () => { window.open(URL.createObjectURL(new Blob(["<h1>x"], { type: "text/html" }))); },
  link: (url, target, download = null) => {
    const link = Object.assign(document.createElement("a"), { href: url, target });
    if (download) link.download = download;
    link.click();
  },
  print: () => { window.print(); },
  remember: (what) => { localStorage.setItem("remembered", what); },
  keep: () => { deeds.link(URL.createObjectURL(new Blob(["x"])), "", "x.txt"); },
  file: () => { Object.assign(document.createElement("input"), { type: "file" }).click(); },
  small: () => { document.exitFullscreen?.().catch(() => {}); window.resizeTo(300, 300); window.moveTo(50, 50); },
  full: () => { document.querySelector("header, body").requestFullscreen().catch(() => {}); },
  close: () => { window.close(); },
  say: (text) => { alert(text); },
  stay: () => { window.addEventListener("beforeunload", (event) => event.preventDefault()); location.reload(); },
  ask: () => {
    Notification.requestPermission();
    navigator.geolocation.getCurrentPosition(() => {}, () => {});
    navigator.mediaDevices?.getUserMedia({ video: true, audio: true }).catch(() => {});
    navigator.usb?.requestDevice({ filters: [] }).catch(() => {});
  },
  back: () => { history.pushState({}, "", "#1"); history.go(-2); },
  form: (url) => {
    const form = Object.assign(document.createElement("form"), { action: url, method: "post", target: "_blank" });
    document.body.append(form);
    form.submit();
    form.remove();
  },
  frame: (url) => {
    const frame = Object.assign(document.createElement("iframe"), { src: url });
    document.body.append(frame);
    setTimeout(() => frame.remove(), 1000);
  },
};

// What needs a touch of the citizen's waits for one.
addEventListener("click", () => armed.splice(0).forEach(([deed, ...how]) => deeds[deed](...how)), true);

async function look() {
  const glass = { width: innerWidth, height: innerHeight, scale: visualViewport.scale, visible: document.visibilityState, focus: document.hasFocus() };
  const seen = { page, href: location.href.split("#")[0], remembered: localStorage.getItem("remembered"), ...glass };
  const orders = await (await fetch("/intruder", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(seen) })).json();
  for (const { touch, deed } of orders) {
    if (touch) armed.push(deed);
    else deeds[deed[0]](...deed.slice(1));
  }
}
setInterval(() => look().catch(() => {}), 250);
