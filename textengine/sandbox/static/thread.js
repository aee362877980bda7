// One phone's thread: which lines and bubbles it has. Knows nothing of the server.

const GAP_SECONDS = 60;
const STATUS_WORDS = {
  accepted: "Queued", queued: "Queued", sending: "Sending", sent: "Sent", delivered: "Delivered",
  undelivered: "Not delivered", failed: "Failed", canceled: "Canceled",
};
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export function clockTime(date = new Date()) {
  return clock.format(date);
}

export class Thread {
  constructor(list) {
    this.list = list;
    this.shown = new Map();
  }

  /** Show these texts and nothing else. */
  reset(texts) {
    this.list.replaceChildren();
    this.shown.clear();
    for (const text of texts) this.put(text);
  }

  /** Show a text, or its new state; say whether it is a new one. */
  put(text) {
    const known = this.shown.get(text.sid);
    if (text.deleted) {
      known?.item.remove();
      this.shown.delete(text.sid);
      return false;
    }
    if (known) {
      fill(known.item, text);
      known.text = text;
      return false;
    }
    const before = this.last();
    this.list.append(...linesBetween(before, text));
    const item = document.createElement("li");
    fill(item, text);
    this.list.append(item);
    this.shown.set(text.sid, { item, text });
    return true;
  }

  last() {
    return [...this.shown.values()].at(-1)?.text;
  }

  item(sid) {
    return this.shown.get(sid)?.item;
  }
}

function linesBetween(before, text) {
  const at = new Date(text.at * 1000);
  const isNewDay = !before || new Date(before.at * 1000).toDateString() !== at.toDateString();
  if (isNewDay) return [line("thread__day", `${dayName(at)} ${clockTime(at)}`)];
  const gap = text.at - before.at;
  return gap >= GAP_SECONDS ? [line("thread__gap", `${spell(gap)} later`)] : [];
}

function line(name, words) {
  const item = document.createElement("li");
  item.className = name;
  item.textContent = words;
  return item;
}

function dayName(at) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);
  return ["Today", "Yesterday"][days] ?? weekday.format(at);
}

function spell(seconds) {
  const [count, unit] = seconds < 3600 ? [Math.round(seconds / 60), "minute"] : [Math.round(seconds / 3600), "hour"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function fill(item, text) {
  const isPending = ["accepted", "queued", "sending", "sent"].includes(text.status);
  const isFailed = ["failed", "undelivered", "canceled"].includes(text.status);
  item.className = `bubble bubble--from-${text.from_us ? "us" : "reader"}`;
  item.classList.toggle("bubble--pending", isPending);
  item.classList.toggle("bubble--failed", isFailed);
  item.dataset.sid = text.sid;
  // A picture that is already there must not be loaded again when only the status changes.
  const drawn = JSON.stringify([text.body, text.media, text.waiting_media]);
  if (item.dataset.drawn !== drawn) {
    item.dataset.drawn = drawn;
    item.replaceChildren(...pictures(text), ...words(text), meta());
  }
  item.querySelector(".bubble__meta").textContent = metaWords(text);
}

function pictures(text) {
  const shown = text.media.map(picture);
  for (let missing = 0; missing < text.waiting_media; missing += 1) shown.push(note("bubble__wait", "Picture on its way"));
  return shown;
}

function picture(media) {
  if (media.lost) return note("bubble__file", "This picture has no content");
  if (!media.content_type.startsWith("image/")) {
    const link = note("bubble__file", media.content_type, "a");
    link.href = media.url;
    return link;
  }
  const image = document.createElement("img");
  image.className = "bubble__media";
  image.src = media.url;
  image.alt = "Picture";
  return image;
}

function note(name, content, tag = "span") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = content;
  return element;
}

function words(text) {
  if (!text.body && (text.media.length || text.waiting_media)) return [];
  const paragraph = note("bubble__text", "", "p");
  paragraph.dir = "auto";
  if (!text.body) {
    paragraph.textContent = "This text was erased.";
    return [paragraph];
  }
  for (const part of text.body.split(/(https?:\/\/[^\s]*[^\s.,;:!?)\]'"])/)) {
    if (/^https?:\/\//.test(part)) {
      const link = note("bubble__link", part, "a");
      link.href = part;
      link.rel = "noopener noreferrer";
      link.target = "_blank";
      paragraph.append(link);
    } else if (part) {
      paragraph.append(part);
    }
  }
  return [paragraph];
}

function meta() {
  const small = note("bubble__meta", "", "small");
  small.setAttribute("aria-live", "off");
  return small;
}

function metaWords(text) {
  const parts = [clockTime(new Date(text.at * 1000))];
  if (text.from_us) parts.push(STATUS_WORDS[text.status] ?? text.status);
  if (text.error_code) parts.push(`${text.error_code} ${text.error_message ?? ""}`.trim());
  return parts.join(" · ");
}
