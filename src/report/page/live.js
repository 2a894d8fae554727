// What runs now, and a page that is up to date: only where `emolab serve` shows it.
(() => {
  const status = document.getElementById("live");
  const running = document.getElementById("running");
  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const summary = (run) => `${run.experiment}: ${run.computed} of ${run.to_compute} stages computed`;
  const details = (run) => {
    const section = element("section", {}, element("h3", { textContent: run.experiment }));
    const bar = element("progress", { max: Math.max(run.to_compute, 1), value: run.computed });
    bar.ariaLabel = summary(run);
    section.append(bar, element("p", { className: "note", textContent: summary(run) }));
    const stages = run.running.map(({ label, done, total }) =>
      element("li", { textContent: total ? `${label}: ${done} of ${total}` : label }));
    const said = run.messages.map((message) => element("li", { className: "note", textContent: message }));
    section.append(element("ul", {}, ...stages, ...said.reverse()));
    return section;
  };
  let results = null;
  const events = new EventSource("/events");
  events.onmessage = ({ data }) => {
    const state = JSON.parse(data);
    const own = document.body.dataset.run;
    const stamp = JSON.stringify(own ? state.results[own] ?? null : state.results);
    if (results !== null && results !== stamp && !document.querySelector("dialog[open]")) location.reload();
    results = stamp;
    const count = state.running.length;
    if (own) status.textContent = state.running.map(summary).join("; ");
    else status.textContent = count === 0 ? "Nothing runs." : count === 1 ? "One run." : `${count} runs.`;
    running?.replaceChildren(...state.running.map(details));
  };
  events.onerror = () => { status.textContent = "The server does not answer; waiting for it."; };
  addEventListener("pagehide", () => events.close());
})();
