// What a page gains with a script; every page works without it.
// Buttons that copy, a countdown beside a token, a radio button that follows what is
// written beneath it, menus that close, a box that ticks all boxes of a list,
// and times in the zone of the reader.
"use strict";

(() => {
  const say = (element, text) => {
    if (element) element.textContent = text;
  };

  // Copying. Without a clipboard (an http page, a refusal) the text is selected instead.
  for (const button of document.querySelectorAll("button[data-copies]")) {
    const source = document.getElementById(button.dataset.copies);
    const row = button.closest(".copy");
    if (!source || !row) continue;
    const status = row.querySelector(".copied");
    row.hidden = false;
    button.addEventListener("click", async () => {
      say(status, "");
      try {
        await navigator.clipboard.writeText(source.value);
        say(status, "Copied.");
      } catch {
        source.focus();
        source.select();
        say(status, "Selected: press Ctrl+C, or ⌘C, to copy.");
      }
    });
  }

  // "1 hour 5 minutes", "4 minutes 10 seconds": as the server writes it.
  const words = (seconds) => {
    const units = [
      [Math.floor(seconds / 3600), "hour"],
      [Math.floor(seconds / 60) % 60, "minute"],
      [seconds % 60, "second"],
    ].filter(([count]) => count > 0);
    if (units.length === 0) return "0 seconds";
    return units
      .slice(0, 2)
      .map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`)
      .join(" ");
  };

  // The countdown. It starts from the server's number, since this machine's clock may
  // be wrong; of the two measures of what has passed since, one stands still while
  // some machines sleep and the other may be set back, so the larger one counts.
  const countdown = document.querySelector("[data-seconds]");
  if (countdown) {
    const total = Number(countdown.dataset.seconds);
    const [steady, wall] = [performance.now(), Date.now()];
    const remaining = countdown.querySelector("[data-remaining]");
    const show = () => {
      const passed = Math.max(performance.now() - steady, Date.now() - wall) / 1000;
      const left = Math.max(0, Math.ceil(total - passed));
      if (left > 0) {
        say(remaining, words(left));
        return;
      }
      clearInterval(timer);
      // What has ended is not offered for copying, and the focus does not get lost in it.
      const offered = document.querySelector(".until-end");
      if (offered && !offered.hidden) {
        const focused = offered.contains(document.activeElement);
        offered.hidden = true;
        if (focused) countdown.closest("[tabindex]")?.focus();
      }
      countdown.classList.add("ended");
      say(countdown, "This token has ended");
      say(document.querySelector("[data-ended-status]"), "The token has ended. Get another one.");
    };
    const timer = setInterval(show, 1000);
    document.addEventListener("visibilitychange", show);
    addEventListener("pageshow", show);
    show();
  }

  // Writing into a list chooses "these" over "any".
  for (const field of document.querySelectorAll("[data-chooses]")) {
    const choices = field.dataset.chooses.split(" ").map((id) => document.getElementById(id));
    field.addEventListener("input", () => {
      const filled = field.type === "checkbox" ? field.checked : field.value.trim() !== "";
      for (const choice of choices) if (choice && filled) choice.checked = true;
    });
  }

  // One menu is open at a time; Escape closes it, and so does a click or the focus elsewhere.
  const menus = document.querySelectorAll("details.menu");
  const closeMenus = (except) => {
    for (const menu of menus) if (menu !== except) menu.open = false;
  };
  for (const event of ["click", "focusin"]) {
    document.addEventListener(event, ({ target }) => closeMenus(target.closest("details.menu")));
  }
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (!open) return;
    closeMenus();
    open.querySelector("summary").focus();
  });

  // All boxes of the page at once, and how many are ticked.
  const head = document.querySelector("th.cell-pick");
  const picks = [...document.querySelectorAll("td.cell-pick input")];
  if (head && picks.length > 0) {
    const all = document.createElement("input");
    all.type = "checkbox";
    const label = document.createElement("label");
    const name = head.querySelector("span");
    say(name, "Select all on this page");
    label.append(all, name);
    head.append(label);
    const count = () => {
      const picked = picks.filter((pick) => pick.checked).length;
      all.checked = picked === picks.length;
      all.indeterminate = picked > 0 && !all.checked;
      say(document.getElementById("picked"), picked === 0 ? "None selected" : `${picked} selected:`);
    };
    all.addEventListener("change", () => {
      for (const pick of picks) pick.checked = all.checked;
      count();
    });
    for (const pick of picks) pick.addEventListener("change", count);
    // A page that is come back to has its boxes as they were left.
    addEventListener("pageshow", count);
    count();
  }

  // Times in the zone of this browser, with UTC beside them.
  const two = (number) => String(number).padStart(2, "0");
  const inZone = (at) =>
    `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
  for (const time of document.querySelectorAll("main time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf()) || at.getTimezoneOffset() === 0) continue;
    if (!time.textContent.endsWith("UTC")) continue;
    say(time, `${inZone(at)} (${time.textContent})`);
    time.classList.add("both");
  }

  // Beneath a time that is typed in UTC: the same here.
  for (const field of document.querySelectorAll("#valid_from, #valid_until")) {
    const here = document.createElement("p");
    here.className = "hint";
    field.after(here);
    const tell = () => {
      const typed = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?\s*(?:UTC|Z)?$/.exec(field.value.trim());
      const at = new Date(typed ? `${typed[1]}T${typed[2] ?? "00:00"}Z` : NaN);
      const isElsewhere = !Number.isNaN(at.valueOf()) && at.getTimezoneOffset() !== 0;
      say(here, isElsewhere ? `${inZone(at)} in your time zone.` : "");
    };
    field.addEventListener("input", tell);
    tell();
  }
})();
