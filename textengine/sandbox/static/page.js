// The phones of the page: adding and hiding them, texting from them, and what arrives.

import { Thread, clockTime } from "./thread.js";
import "./faults.js";

const NEAR_BOTTOM = 120;
const WARNINGS_SHOWN = 2;
const page = document.getElementById("phones");
const template = document.getElementById("phone-template");
const connection = document.getElementById("connection");
const ours = document.getElementById("our-number");
const phones = new Map();
let stream = null;

class Phone {
  constructor(number) {
    this.number = number;
    this.sending = Promise.resolve();
    this.warnings = [];
    this.element = template.content.firstElementChild.cloneNode(true);
    this.thread = new Thread(this.find(".thread"));
    this.screen = this.find(".screen");
    this.find(".reader__number").textContent = spaced(number);
    this.find(".phone__name").textContent = ours.textContent;
    this.saysWhatItIs();
    this.element.setAttribute("aria-label", `Phone ${number}`);
    this.screen.setAttribute("aria-label", `Texts of ${number}`);
    this.find(".compose__body").setAttribute("aria-label", `Text message from ${number}`);
    this.find(".compose__link").setAttribute("aria-label", "Link to a picture");
    this.find(".reader__close").addEventListener("click", () => hide(this));
    this.find(".screen__new").addEventListener("click", () => this.toBottom());
    this.follows = true;
    this.screen.addEventListener("scroll", () => this.scrolled());
    // A picture changes its bubble's height when it has loaded, after the scrolling.
    this.screen.addEventListener("load", () => this.follows && this.toBottom("instant"), true);
    this.composes();
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  /** A short code or a sender name can text us, but it is no number to which anything could be sent. */
  saysWhatItIs() {
    if (this.number.startsWith("+")) return;
    const kind = /^\d+$/.test(this.number) ? "Short code" : "Sender name";
    this.find(".reader__kind").textContent = `${kind}: gets no answer`;
    this.find(".reader__kind").hidden = false;
    const explained = `A ${kind.toLowerCase()} can text us. It is no phone number, so nothing can be sent to it.`;
    this.find(".screen__empty").textContent = explained;
  }

  composes() {
    const form = this.find(".compose");
    const attach = this.find(".compose__attach");
    attach.addEventListener("click", () => {
      form.link.hidden = !form.link.hidden;
      attach.setAttribute("aria-expanded", String(!form.link.hidden));
      (form.link.hidden ? form.body : form.link).focus();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target !== attach) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const link = form.link.hidden ? "" : form.link.value.trim();
      const body = form.body.value.trim();
      if (!body && !link) return;
      // One after the other: the project hears the texts in the order in which they were typed.
      this.sending = this.sending.then(() => this.send(body, link));
      form.reset();
      form.link.hidden = true;
      attach.setAttribute("aria-expanded", "false");
      form.body.focus();
    });
  }

  async send(body, link) {
    try {
      const response = await fetch(`/phones/${encodeURIComponent(this.number)}/messages`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ body, media_url: link ? [link] : [] }),
      });
      if (!response.ok) this.warn({ at: Date.now() / 1000, text: (await response.json()).error });
    } catch {
      this.warn({ at: Date.now() / 1000, text: "The sandbox does not answer; the text was not sent." });
    }
  }

  async load() {
    const response = await fetch(`/phones/${encodeURIComponent(this.number)}/thread`);
    const state = await response.json();
    this.thread.reset(state.texts);
    this.warnings = [];
    this.find(".warnings").replaceChildren();
    state.warnings.forEach((warning) => this.warn(warning));
    this.setStopped(state.stopped);
    this.toBottom("instant");
  }

  receive(event) {
    this.setStopped(event.stopped);
    if (event.kind === "warning") {
      this.warn(event.warning);
      return;
    }
    // A text can come between a person's scrolling and the event that tells of it.
    this.scrolled();
    const isNew = this.thread.put(event.message);
    if (isNew) this.thread.item(event.message.sid).classList.add("bubble--new");
    if (this.follows || (isNew && !event.message.from_us)) this.toBottom();
    else if (isNew) this.find(".screen__new").hidden = false;
  }

  warn(warning) {
    this.warnings = [...this.warnings, warning].slice(-WARNINGS_SHOWN);
    const lines = this.warnings.toReversed().map(({ at, text }) => {
      const item = document.createElement("li");
      item.textContent = `${shortTime(new Date(at * 1000))} ${text}`;
      return item;
    });
    this.find(".warnings").replaceChildren(...lines);
  }

  setStopped(isStopped) {
    this.find(".reader__stopped").hidden = !isStopped;
  }

  /** Only a person scrolls up; on the way down to a new text the phone still follows. */
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.screen;
    if (scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM) {
      this.follows = true;
      this.find(".screen__new").hidden = true;
    } else if (scrollTop < this.top) {
      this.follows = false;
    }
    this.top = scrollTop;
  }

  toBottom(behavior = "smooth") {
    this.follows = true;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.screen.scrollTo({ top: this.screen.scrollHeight, behavior: calm ? "instant" : behavior });
    // The event that tells of it comes later, and a person may have scrolled up by then.
    this.top = this.screen.scrollTop;
    this.find(".screen__new").hidden = true;
  }
}

function shortTime(date) {
  return clockTime(date).replace(/\s?[AP]M$/i, "");
}

function spaced(number) {
  return number.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "+1 $1 $2 $3");
}

/** Without a number of its own the sandbox takes the one that texts come from, so it can change. */
function showOurNumber(number) {
  ours.textContent = spaced(number);
  phones.forEach((phone) => (phone.find(".phone__name").textContent = spaced(number)));
}

function add(number) {
  const phone = new Phone(number);
  phones.set(number, phone);
  page.append(phone.element);
  return phone;
}

function hide(phone) {
  phones.delete(phone.number);
  phone.element.remove();
  changed();
}

/** The address keeps the phones, so that a reload or a shared link shows the same ones. */
function changed() {
  const query = new URLSearchParams([...phones.keys()].map((number) => ["phone", number]));
  history.replaceState(null, "", phones.size ? `/?${query}` : "/");
  listen();
}

/** Listen for what happens to the phones that are shown, and read up what was missed meanwhile. */
function listen() {
  stream?.close();
  if (!phones.size) return;
  const query = new URLSearchParams([...phones.keys()].map((number) => ["phone", number]));
  stream = new EventSource(`/events?${query}`);
  const missed = [];
  let isReady = false;
  const show = (event) => phones.get(event.number)?.receive(event);
  stream.addEventListener("open", async () => {
    isReady = false;
    connection.textContent = "";
    await Promise.all([...phones.values()].map((phone) => phone.load()));
    isReady = true;
    missed.splice(0).forEach(show);
  });
  stream.addEventListener("error", () => (connection.textContent = "The sandbox does not answer; trying again…"));
  stream.addEventListener("message", ({ data }) => {
    const event = JSON.parse(data);
    showOurNumber(event.ours);
    if (isReady) show(event);
    else missed.push(event);
  });
}

function tick() {
  document.querySelectorAll(".phone__clock").forEach((element) => (element.textContent = shortTime()));
}

document.getElementById("add-phone").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const problem = document.getElementById("add-problem");
  const asked = form.number.value;
  const response = await fetch(`/phones/${encodeURIComponent(asked)}/thread`);
  if (!response.ok) {
    problem.textContent = (await response.json()).error;
    return;
  }
  problem.textContent = "";
  const { number } = await response.json();
  if (form.number.value === asked) form.reset();
  if (!phones.has(number)) {
    add(number);
    changed();
    tick();
  }
  const { element } = phones.get(number);
  element.scrollIntoView({ behavior: "smooth", inline: "center" });
  element.querySelector(".compose__body").focus({ preventScroll: true });
});

document.getElementById("new-number").addEventListener("focus", async () => {
  const known = await (await fetch("/phones")).json();
  document.getElementById("known-phones").replaceChildren(...known.map(({ number }) => new Option(number, number)));
});

document.querySelectorAll("[data-opens]").forEach((button) => {
  button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());
});

page.querySelectorAll("[data-phone]").forEach((place) => {
  place.remove();
  add(place.dataset.phone);
});
showOurNumber(ours.textContent);
listen();
tick();
setInterval(tick, 5_000);
