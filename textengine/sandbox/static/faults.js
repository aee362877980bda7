// The faults panel: shows the faults in force and puts others in their place.

const form = document.getElementById("faults-form");
const said = document.getElementById("faults-said");
const button = document.getElementById("faults-button");
const numbers = document.getElementById("fault-numbers");
let inForce = null;
let last = Promise.resolve();

async function ask(options) {
  const response = await fetch("/faults", options);
  const answer = await response.json();
  if (!response.ok) {
    said.textContent = answer.error;
    return false;
  }
  show(answer);
  return true;
}

// One after the other: each change is made to what the one before it has left.
function put(change, words) {
  last = last.then(async () => {
    const body = JSON.stringify(change(inForce));
    const isDone = await ask({ method: "PUT", headers: { "Content-Type": "application/json" }, body });
    if (isDone) said.textContent = words;
  });
}

// Nothing can be typed that the answer would write over.
async function load() {
  const fields = [...form.elements];
  fields.forEach((field) => (field.disabled = true));
  await ask();
  fields.forEach((field) => (field.disabled = false));
}

function show(faults) {
  inForce = faults;
  form.latency.value = faults.latency;
  form["callback-late"].value = faults["callback-late"];
  form.querySelectorAll("[data-rate]").forEach((input) => {
    input.value = Number((faults.rates[input.dataset.rate] * 100).toFixed(3));
  });
  numbers.replaceChildren(...Object.entries(faults.numbers).map(([number, outcome]) => numberLine(number, outcome)));
  const waiting = faults.next.reduce((sum, { count }) => sum + count, 0);
  const rated = Object.values(faults.rates).filter(Boolean).length;
  const count = waiting + rated + Object.keys(faults.numbers).length + Boolean(faults.latency) + Boolean(faults["callback-late"]);
  button.textContent = count ? `Faults: ${count}` : "Faults";
  button.classList.toggle("is-active", count > 0);
}

function numberLine(number, outcome) {
  const item = document.createElement("li");
  const remove = document.createElement("button");
  remove.type = "button";
  remove.textContent = "Remove";
  remove.addEventListener("click", () => {
    const without = ({ [number]: _, ...left }) => left;
    put((faults) => ({ ...faults, numbers: without(faults.numbers) }), `${number} can be texted again.`);
  });
  item.append(`${number}: ${outcome} `, remove);
  return item;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const rates = {};
  form.querySelectorAll("[data-rate]").forEach((input) => (rates[input.dataset.rate] = Number(input.value) / 100));
  const late = { latency: Number(form.latency.value), "callback-late": Number(form["callback-late"].value) };
  put((faults) => ({ ...faults, ...late, rates }), "In force.");
});

form.addEventListener("click", ({ target }) => {
  const kind = target.closest("[data-next]")?.dataset.next;
  if (kind) put((faults) => ({ ...faults, next: [...faults.next, { kind, count: 1 }] }), `The next one: ${kind}.`);
});

document.getElementById("fault-add").addEventListener("click", () => {
  const field = document.getElementById("fault-number");
  const added = { [field.value]: document.getElementById("fault-outcome").value };
  put((faults) => ({ ...faults, numbers: { ...faults.numbers, ...added } }), "In force.");
  field.value = "";
});

document.getElementById("faults-end").addEventListener("click", () => put(() => ({}), "All faults have ended."));
button.addEventListener("click", () => {
  said.textContent = "";
  load();
});
load();
