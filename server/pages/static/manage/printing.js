/** What the head of the hall does about paper: looks at the last sheets of a kiosk, prints one again, designs the ticket. Wires only. */
import { DOTS, lineList } from "./sheets.js";

const PRINTS_EVERY_MS = 2000;
const PREVIEW_AFTER_MS = 300;

/**
 * @param {object} page the page's state; `page.paper` is ours
 * @param {{get: Function, act: Function, draw: Function, say: Function, under: Function, send: Function}} means what main.js offers
 */
export function printing(page, { get, act, draw, say, under, send }) {
  page.paper = { kiosk: null, prints: null, design: null, saved: null, width: 80, preview: null, problem: null };
  let waiting = null;
  let asked = 0;

  async function prints() {
    const { paper, site } = page;
    const kiosk = paper.kiosk ?? site.kiosks[0]?.id;
    if (!kiosk) return;
    paper.kiosk = kiosk;
    const { status, body } = await get(under(`/kiosks/${encodeURIComponent(kiosk)}/prints`));
    if (status === 200 && paper.kiosk === kiosk) Object.assign(paper, { prints: body });
    draw();
  }

  async function design() {
    const { status, body } = await get(under("/receipt"));
    if (status !== 200) return;
    page.paper.saved = body;
    page.paper.design = { header: body.header, footer: body.footer, without: body.without, logo: body.logo ?? null };
    draw();
    preview();
  }

  /** Ask for the picture of what is being typed; an older answer never replaces a newer one. */
  async function preview() {
    clearTimeout(waiting);
    const number = (asked += 1);
    const { status, body } = await send("POST", "/receipt/preview", { ...asSent(page.paper.design), paper: page.paper.width });
    if (number !== asked) return;
    if (status === 200) Object.assign(page.paper, { preview: body, problem: null });
    else page.paper.problem = body?.error?.message ?? "Chưa nhận được trả lời.";
    draw();
  }

  function changed(change) {
    page.paper.design = { ...page.paper.design, ...change };
    clearTimeout(waiting);
    waiting = setTimeout(preview, PREVIEW_AFTER_MS);
    draw();
  }

  setInterval(() => page.screen === "desk" && page.tab === "paper" && prints(), PRINTS_EVERY_MS);

  return {
    open() {
      prints();
      if (page.me.role !== "helper") design();
    },
    kiosk(kiosk) {
      Object.assign(page.paper, { kiosk, prints: null });
      prints();
    },
    async again(row) {
      await act("POST", `/tickets/${encodeURIComponent(row.ticket)}/reprint`, { kiosk: page.paper.kiosk }, `${row.code}: đang in lại.`);
      prints();
    },
    async trial() {
      const { kiosk } = page.paper;
      await act("POST", `/kiosks/${encodeURIComponent(kiosk)}/test-print`, {}, "Đã gửi phiếu thử máy.");
      prints();
    },
    width(width) {
      page.paper.width = width;
      preview();
    },
    line: (part, at, text) => changed({ [part]: Object.assign([...page.paper.design[part]], { [at]: text }) }),
    toggle(line, shown) {
      const without = page.paper.design.without.filter((one) => one !== line);
      changed({ without: shown ? without : [...without, line] });
    },
    async logo(event) {
      const [file] = event.target.files;
      event.target.value = "";
      if (!file) return;
      try {
        changed({ logo: await dotsOf(file) });
      } catch {
        say("Tệp này không phải là ảnh. Mời chọn ảnh PNG.", true);
      }
    },
    noLogo: () => changed({ logo: null }),
    async save(event) {
      event.preventDefault();
      const saved = await act("PUT", "/receipt", asSent(page.paper.design), "Đã lưu. Phiếu từ bây giờ in theo mẫu này.", { repeatable: false });
      if (saved) page.paper.saved = saved;
      draw();
    },
  };
}

const asSent = (design) => ({ ...design, header: lineList(design.header), footer: lineList(design.footer) });

/** Any picture as a PNG of black and white dots that fits the paper, in base64. */
async function dotsOf(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, DOTS.width / bitmap.width, DOTS.height / bitmap.height);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const image = pen.getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < image.data.length; at += 4) {
    const [red, green, blue] = image.data.subarray(at, at + 3);
    image.data.fill(0.299 * red + 0.587 * green + 0.114 * blue >= 128 ? 255 : 0, at, at + 3);
  }
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}
