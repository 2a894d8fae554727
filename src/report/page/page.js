"use strict";
// Sorting, the images behind the cells of a confusion matrix, figures to save, and printing. All of it works on what
// the page holds; without it the page can be read.
(() => {
  const EMOTIONS = ["amusement", "anger", "awe", "contentment", "disgust", "excitement", "fear", "sadness"];
  const AT_A_TIME = 120;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // A box that scrolls must be reachable by keyboard; one that does not would only be in the way.
  const reachable = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
      if (scrolls) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  all(".scroll").forEach((box) => reachable.observe(box));

  // What is jumped to must not end up under the banner, whose lines depend on the width.
  const banner = document.querySelector(".banner");
  if (banner) {
    new ResizeObserver(() => {
      document.documentElement.style.scrollPaddingTop = `${banner.offsetHeight + 16}px`;
    }).observe(banner);
  }

  const sortable = (table) => {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const original = [...body.rows];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      head.ariaSort = "none";
      button.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" }[head.ariaSort];
        heads.forEach((other) => { other.ariaSort = "none"; });
        head.ariaSort = next;
        body.append(...(next === "none" ? original : sorted(original, column, next)));
      });
    });
  };
  // Numbers before words, words by alphabet; what is empty stays at the end in either direction.
  const sorted = (rows, column, direction) => {
    const sign = direction === "ascending" ? 1 : -1;
    const key = (row) => {
      const cell = row.cells[column];
      const text = cell.textContent.trim();
      return { number: cell.dataset.value === undefined ? null : Number(cell.dataset.value), text, empty: text === "" || text === "–" };
    };
    const compare = (a, b) => {
      if (a.empty || b.empty) return a.empty - b.empty;
      if (a.number !== null && b.number !== null) return sign * (a.number - b.number);
      if (a.number !== null || b.number !== null) return a.number !== null ? -1 : 1;
      return sign * a.text.localeCompare(b.text, "en", { numeric: true });
    };
    return rows.map((row) => [key(row), row]).sort((a, b) => compare(a[0], b[0])).map(([, row]) => row);
  };
  all("table[data-sortable]").forEach(sortable);

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const tested = new Map();
  const read = (run) => {
    if (!tested.has(run)) tested.set(run, JSON.parse(document.getElementById(`r${run}-tested`).textContent));
    return tested.get(run);
  };
  const dialog = document.getElementById("images");
  const list = document.getElementById("images-list");
  const more = document.getElementById("images-more");
  let waiting = [];

  const shown = (run, { image, folds, margin }) => {
    const { path, thumbnail } = read(run).images[image];
    let picture = thumbnail
      ? element("img", { src: `data:image/jpeg;base64,${thumbnail}`, alt: path })
      : element("span", { className: "absent", textContent: "no thumbnail" });
    if ("served" in document.body.dataset) {
      const name = encodeURIComponent(document.body.dataset.run);
      picture = element("a", { href: `/image/${name}/${image}`, target: "_blank", rel: "noopener" }, picture);
    }
    const said = [`fold ${folds.join(", ")}`];
    if (margin !== null) said.push(`margin ${margin.toFixed(2)}`);
    const caption = element("figcaption", {}, said.join(", "), element("span", { className: "path", textContent: path }));
    return element("li", {}, element("figure", {}, picture, caption));
  };
  const showMore = () => {
    list.append(...waiting.splice(0, AT_A_TIME).map((make) => make()));
    more.hidden = waiting.length === 0;
    more.textContent = `Show ${Math.min(AT_A_TIME, waiting.length)} of ${waiting.length} more`;
  };
  const open = (cell) => {
    const { run, method, label, predicted } = cell.dataset;
    const { name, answers } = read(run).methods[method];
    // Under repeats an image may be in a cell more than once: it is shown once, with all its folds.
    const images = new Map();
    for (const answer of answers) {
      if (answer.label !== Number(label) || answer.predicted !== Number(predicted)) continue;
      const known = images.get(answer.image);
      if (known) known.folds.push(answer.fold);
      else images.set(answer.image, { image: answer.image, folds: [answer.fold], margin: answer.margin });
    }
    const ordered = [...images.values()].sort((a, b) => (b.margin ?? -Infinity) - (a.margin ?? -Infinity) || a.image - b.image);
    const verb = label === predicted ? "recognised as" : "taken for";
    document.getElementById("images-title").textContent = `${EMOTIONS[label]} ${verb} ${EMOTIONS[predicted]}: ${name}`;
    document.getElementById("images-note").textContent =
      `${ordered.length} ${ordered.length === 1 ? "image" : "images"}, the surest first. The margin is between the answer's decision value and ` +
      (label === predicted ? "the next best." : "that of the right answer.");
    list.replaceChildren();
    waiting = ordered.map((entry) => () => shown(run, entry));
    showMore();
    dialog.showModal();
    dialog.scrollTop = 0;
  };
  if (dialog) {
    more.addEventListener("click", showMore);
    document.getElementById("images-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    document.addEventListener("click", (event) => {
      const cell = event.target.closest("button[data-label]");
      if (cell) open(cell);
    });
    // Arrows move between the cells of a matrix, as in any grid.
    document.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      const cell = event.target.closest?.("button[data-label]")?.parentElement;
      if (!step || !cell) return;
      const rows = [...cell.closest("tbody").rows];
      let [row, column] = [rows.indexOf(cell.parentElement), cell.cellIndex];
      do {
        [row, column] = [row + step[0], column + step[1]];
        const button = rows[row]?.cells[column]?.querySelector("button");
        if (button) { button.focus(); event.preventDefault(); return; }
      } while (rows[row]?.cells[column]);
    });
  }

  all("a.save").forEach((link) => {
    link.href = link.closest("figure").querySelector("img").src;
  });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    closed.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((details) => { details.open = false; }));
})();
