// Adds a search to the pages: names first by how they begin, then by what they hold, then by their first sentence.
"use strict";

(() => {
  // Name, kind, module, address, first sentence.
  const items = /* items */ [];
  const most = 40;

  // How well an item fits: smaller is better, Infinity not at all.
  function rank([name, , , , sentence], words) {
    const path = name.toLowerCase();
    const last = path.slice(path.lastIndexOf(".") + 1);
    const text = sentence.toLowerCase();
    let sum = 0;
    for (const word of words) {
      if (path === word || last === word) sum += 0;
      else if (last.startsWith(word)) sum += 1;
      else if (path.startsWith(word)) sum += 2;
      else if (path.includes(word)) sum += 3;
      else if (text.includes(word)) sum += 6;
      else return Infinity;
    }
    return sum + path.length / 1000;
  }

  function find(query) {
    const words = query.toLowerCase().replaceAll("::", ".").split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    const ranked = items.map((item) => [rank(item, words), item]).filter(([sum]) => sum < Infinity);
    ranked.sort((a, b) => a[0] - b[0]);
    return ranked.slice(0, most).map(([, item]) => item);
  }

  function element(tag, text) {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    return made;
  }

  function start(place) {
    const input = element("input");
    input.type = "search";
    input.placeholder = "Search (press /)";
    input.setAttribute("aria-label", "Search");
    input.autocomplete = "off";
    const list = element("ol");
    list.hidden = true;
    let chosen = 0;

    function choose(index) {
      const links = list.querySelectorAll("a");
      if (links.length === 0) return;
      chosen = (index + links.length) % links.length;
      links.forEach((link, at) => link.classList.toggle("chosen", at === chosen));
      links[chosen].scrollIntoView({ block: "nearest" });
    }

    function show() {
      list.replaceChildren();
      const found = find(input.value);
      for (const [name, kind, module, href, sentence] of found) {
        const link = element("a");
        link.href = href;
        link.append(element("code", name), " ", element("small", module ? `${kind} of ${module}` : kind));
        if (sentence) link.append(element("br"), element("small", sentence));
        const row = element("li");
        row.append(link);
        list.append(row);
      }
      if (found.length === 0 && input.value.trim()) list.append(element("li", "Nothing has this name."));
      list.hidden = list.childElementCount === 0;
      choose(0);
    }

    input.addEventListener("input", show);
    input.addEventListener("focus", show);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") choose(chosen + 1);
      else if (event.key === "ArrowUp") choose(chosen - 1);
      else if (event.key === "Enter") list.querySelector("a.chosen")?.click();
      else if (event.key === "Escape") {
        input.value = "";
        input.blur();
        list.hidden = true;
      } else return;
      event.preventDefault();
    });
    list.addEventListener("click", () => (list.hidden = true));
    document.addEventListener("click", (event) => {
      if (!place.contains(event.target)) list.hidden = true;
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input, textarea");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        input.focus();
      }
    });
    place.append(input, list);
  }

  const place = document.getElementById("search");
  if (place) start(place);
})();
