"use strict";
const rows = JSON.parse(document.getElementById("rows").textContent);
const at = (id) => document.getElementById(id);
const list = at("list"), detail = at("detail");
const PAGE = 500;
let shown = [], chosen = 0;

function add(parent, name, text, cls) {
  const node = document.createElement(name);
  if (text !== undefined && text !== null) node.textContent = text;
  if (cls) node.className = cls;
  parent.append(node);
  return node;
}

function options(id, values, all) {
  const select = at(id);
  const counts = new Map();
  values.forEach((value) => counts.set(value, (counts.get(value) || 0) + 1));
  const first = add(select, "option", all);
  first.value = "";
  [...counts].sort((a, b) => (a[0] < b[0] ? -1 : 1)).forEach(([value, count]) => {
    const option = add(select, "option", `${value} (${count})`);
    option.value = value;
  });
}

function title(row) {
  if (row.question) return row.question.question;
  return row.detail || row.verdict;
}

const texts = new Map();
function textOf(row) {
  if (!texts.has(row)) texts.set(row, JSON.stringify(row).toLowerCase());
  return texts.get(row);
}

function matches(row, words) {
  const task = at("task").value, verdict = at("verdict").value, variant = at("variant").value;
  return (!task || row.task === task) && (!verdict || row.verdict === verdict)
    && (!variant || row.records.some((record) => record.variant === variant))
    && words.every((word) => textOf(row).includes(word));
}

function filter() {
  // As JSON has them, where quotes and line ends are escaped.
  const words = at("words").value.toLowerCase().split(/\s+/).filter(Boolean)
    .map((word) => JSON.stringify(word).slice(1, -1));
  shown = rows.filter((row) => matches(row, words));
  list.replaceChildren();
  list.scrollTop = 0;
  addItems(PAGE);
  at("count").textContent = `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  detail.replaceChildren();
  list.removeAttribute("aria-activedescendant");
  if (shown.length) choose(0);
}

// The list grows as it is scrolled: tens of thousands of items at once would take seconds.
function addItems(upTo) {
  const added = document.createDocumentFragment();
  for (let place = list.children.length; place < Math.min(upTo, shown.length); place++) {
    const row = shown[place];
    const item = add(added, "div", title(row));
    item.id = `row-${place}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-setsize", shown.length);
    item.setAttribute("aria-posinset", place + 1);
    add(item, "small", `${row.task} · ${row.verdict}`);
    item.addEventListener("click", () => choose(place));
  }
  list.append(added);
}

function block(heading, shownRow, answer) {
  if (!shownRow) return;
  add(detail, "h3", heading);
  if (shownRow.context) add(detail, "p", shownRow.context, "text");
  if (shownRow.question) add(detail, "p", shownRow.question, "text");
  if (shownRow.options && shownRow.options.length) {
    const listed = add(detail, "ul");
    shownRow.options.forEach((option) => add(listed, "li", option));
  }
  if (answer) add(detail, "p", answer, "text note");
}

function choose(place) {
  const before = list.children[chosen];
  if (before) before.removeAttribute("aria-selected");
  chosen = place;
  addItems(place + 1);
  list.children[place].setAttribute("aria-selected", "true");
  const item = list.children[place], row = shown[place];
  list.setAttribute("aria-activedescendant", item.id);
  // Not scrollIntoView, which would also scroll the page.
  const top = item.offsetTop - list.offsetTop, bottom = top + item.offsetHeight;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  detail.replaceChildren();
  detail.scrollTop = 0;
  const accepted = row.verdict === "accepted";
  add(detail, "h3", `${row.task} · ${row.id}`);
  add(detail, "p", accepted ? "accepted" : `rejected in ${row.stage}: ${row.verdict}`, accepted ? "accepted" : "rejected");
  if (row.detail) add(detail, "p", row.detail, "text");
  block("Seed", row.seed, row.seed && `Answer: ${row.seed.answer}`);
  block("Question", row.question, row.question && row.question.claimed_answer && `The writer's own answer: ${row.question.claimed_answer}`);
  if (row.samples.length) add(detail, "h3", `Samples (${row.samples.length})`);
  row.samples.forEach((sample) => {
    const box = add(detail, "details");
    const said = sample.answer === "" ? "no readable answer" : sample.answer;
    add(box, "summary", `${sample.sample + 1}. ${said} · ${sample.completion_tokens} tokens, ended by ${sample.finish_reason}`);
    if (sample.reasoning) add(box, "p", sample.reasoning, "text note");
    add(box, "p", sample.text, "text");
  });
  row.records.forEach((record) => {
    const v = record.verification;
    add(detail, "h3", `Record: ${record.variant} · ${record.tokens} tokens · ${v.method}, ${v.votes} of ${v.samples} votes`);
    add(detail, "p", record.text, "text");
  });
}

list.addEventListener("keydown", (event) => {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -shown.length, End: shown.length };
  if (!(event.key in steps) || !shown.length) return;
  event.preventDefault();
  choose(Math.min(shown.length - 1, Math.max(0, chosen + steps[event.key])));
});
list.addEventListener("scroll", () => {
  if (list.scrollTop + 3 * list.clientHeight > list.scrollHeight) addItems(list.children.length + PAGE);
});
options("task", rows.map((row) => row.task), "all tasks");
options("verdict", rows.map((row) => row.verdict), "all verdicts");
options("variant", rows.flatMap((row) => row.records.map((record) => record.variant)), "all variants");
["task", "verdict", "variant"].forEach((id) => at(id).addEventListener("change", filter));
at("words").addEventListener("input", filter);
at("filters").addEventListener("submit", (event) => event.preventDefault());
filter();
