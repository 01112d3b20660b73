/* The page of `rubor serve`: log in, find a treatment, read it (review.js), write notes, mend what was filed wrongly.
 * Addresses after '#': "/" the list, "/treatment?patient=..&session=.." a review, "/capture?.." the camera's view. */
"use strict";

(() => {
  const content = document.getElementById("content");
  const live = document.getElementById("live");
  const trouble = document.getElementById("trouble");
  let user = null;
  let polling = null;
  let leaving = null; /* what the view that is shown must end: a camera */

  /* Asks again and again while this view is shown; a question that takes long is not asked twice at a time. */
  function poll(milliseconds, act) {
    let busy = false;
    polling = setInterval(async () => {
      if (busy) return;
      busy = true;
      try { await act(); trouble.hidden = true; }
      catch (problem) { troubleOf(problem); }
      finally { busy = false; }
    }, milliseconds);
  }

  /* For what is tried again by itself. */
  function troubleOf(problem) {
    if (problem.status === 401) { problemOf(problem); return; }
    trouble.textContent = `${problem.message} What is shown may be old.`;
    trouble.hidden = false;
  }

  function leave() {
    clearInterval(polling);
    trouble.hidden = true;
    if (leaving) leaving();
    leaving = null;
  }

  const element = ruborElement;

  class Refusal extends Error {
    constructor(status, message) { super(message); this.status = status; }
  }

  async function ask(path, body) {
    const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json", "X-Rubor": "1" }, body: JSON.stringify(body) };
    let response;
    try {
      response = await fetch(path, { credentials: "same-origin", cache: path.startsWith("api/picture") ? "default" : "no-store", ...options });
    } catch (problem) {
      throw new Refusal(0, "The service cannot be reached.");
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Refusal(response.status, answer.error ? answer.error.message : `The service answered ${response.status}.`);
    return answer;
  }

  const query = values => new URLSearchParams(values).toString();
  const hash = (place, values) => `#/${place}${values ? `?${query(values)}` : ""}`;

  function show(title, ...nodes) {
    document.title = title ? `${title} – Rubor` : "Rubor";
    content.replaceChildren(...nodes);
  }

  /* What is drawn anew by itself keeps what was open, and the keyboard stays where it was. */
  function keepPlace(draw) {
    const name = node => `${node.tagName} ${node.getAttribute("aria-label") || node.getAttribute("name") || node.textContent}`;
    const active = content.contains(document.activeElement) && document.activeElement !== content ? name(document.activeElement) : null;
    const open = new Set([...content.querySelectorAll("details[open] > summary")].map(node => node.textContent));
    draw();
    for (const summary of content.querySelectorAll("details > summary")) summary.parentNode.open = open.has(summary.textContent);
    const same = active && [...content.querySelectorAll("a, button, input, select, textarea, summary, [tabindex]")].find(node => name(node) === active);
    if (same) same.focus({ preventScroll: true });
  }

  function problemOf(problem) {
    if (problem.status === 401) { user = null; showLogin("Please log in again."); return; }
    show("Problem", element("h1", {}, "That did not work"), element("p", { class: "problem", role: "alert" }, problem.message),
      element("p", {}, element("a", { href: "#/" }, "Back to the list")));
  }

  /* A form whose refusals are shown in it. */
  function form(fields, label, send, extra) {
    const problem = element("p", { class: "problem", role: "alert" });
    const button = element("button", { type: "submit", ...(extra || {}) }, label);
    return element("form", { onsubmit: async event => {
      event.preventDefault();
      problem.textContent = "";
      button.disabled = true;
      try { await send(Object.fromEntries(new FormData(event.target))); }
      catch (refusal) { if (refusal.status === 401 && user) problemOf(refusal); else problem.textContent = refusal.message; }
      finally { button.disabled = false; }
    } }, fields, problem, element("p", {}, button));
  }
  const field = (label, name, attributes) => element("label", {}, label, element("input", { name, autocomplete: "off", ...(attributes || {}) }));

  function showLogin(message) {
    leave();
    document.getElementById("bar").hidden = true;
    show("Log in", element("h1", {}, "Rubor"), element("p", { class: "soft" }, "Skin redness and pigmentation after microneedling."),
      message ? element("p", { class: "problem", role: "alert" }, message) : "",
      form([field("Access token", "token", { type: "password", required: true, autocomplete: "current-password" })], "Log in", async values => {
        await ask("api/login", { token: values.token.trim() });
        await start();
      }));
    content.querySelector("input").focus();
  }

  /* Of every session the headline, the most urgent first. Headlines that the server does not know yet are asked for one by
   * one, the latest session first, while the list is shown. */
  const urgencies = { look: ["look", "retake"], care: ["care", "warn"], none: ["ok", "ok"] };
  const orders = {
    urgent: (a, b) => rank(a) - rank(b) || b.last_ms - a.last_ms,
    latest: (a, b) => b.last_ms - a.last_ms,
    patient: (a, b) => a.patient.localeCompare(b.patient) || a.session.localeCompare(b.session) };
  const rank = one => one.summary ? ["look", "care", "none"].indexOf(one.summary.urgency) : 3;

  async function showList() {
    const place = location.hash, shown_most = 100;
    let { sessions } = await ask("api/sessions");
    let order = "urgent";
    const list = element("ul", { class: "list" });
    const more = element("p", { class: "soft", role: "status" });
    const search = element("input", { type: "search", oninput: () => draw() });
    const row = one => {
      const [word, look] = one.summary ? urgencies[one.summary.urgency] : ["…", "plain"];
      return element("li", {}, element("a", { href: hash("treatment", { patient: one.patient, session: one.session }) },
        element("div", { class: "head" }, element("strong", {}, `${one.patient}, session ${one.session}`), element("span", { class: `tag ${look}` }, word)),
        one.summary ? element("div", { class: "small" }, one.summary.signs ? one.summary.headline.replace(/\.$/, `: ${one.summary.signs}.`) : one.summary.headline) : null,
        element("div", { class: "soft small" }, [one.date ? `treated ${one.date}` : null, one.site, `${one.photos} photo${one.photos === 1 ? "" : "s"}`,
          one.last_ms ? `latest sent ${new Date(one.last_ms).toLocaleDateString()}` : null].filter(Boolean).join(" · "))));
    };
    const draw = () => {
      const wanted = search.value.trim().toLowerCase();
      const found = sessions.filter(one => [one.patient, one.session, one.site, one.date].some(value => (value || "").toLowerCase().includes(wanted))).sort(orders[order]);
      const unknown = sessions.filter(one => !one.summary).length;
      more.textContent = [found.length > shown_most ? `${shown_most} of ${found.length} are shown: search to narrow the list.` : "",
        unknown ? `${unknown} still to be looked at.` : ""].join(" ").trim();
      list.replaceChildren(...found.slice(0, shown_most).map(row));
      if (!found.length) list.replaceChildren(element("li", { class: "soft" }, sessions.length ? "No patient or session fits." : "No treatment has been submitted yet."));
    };
    const redraw = () => keepPlace(draw);
    let looking = false;
    const summarize = async () => {
      let drawn = Date.now();
      looking = true;
      try {
        for (const one of sessions.filter(session => !session.summary).sort(orders.latest)) {
          if (location.hash !== place) return;
          one.summary = await ask("api/summary?" + query({ patient: one.patient, session: one.session })).catch(problem => { if (problem.status === 404) return null; throw problem; });
          if (Date.now() - drawn > 1000) { redraw(); drawn = Date.now(); }
        }
      } finally { looking = false; }
      if (location.hash === place) redraw();
    };
    show("Patients", element("h1", {}, "Patients and sessions"),
      element("div", { class: "bar" }, element("label", {}, "Search", search),
        element("label", {}, "Order", element("select", { onchange: event => { order = event.target.value; draw(); } },
          element("option", { value: "urgent" }, "Most urgent first"), element("option", { value: "latest" }, "Latest photo first"), element("option", { value: "patient" }, "By patient")))), more, list);
    draw();
    if (sessions.some(one => !one.summary)) summarize().catch(troubleOf);
    const newest = () => JSON.stringify(sessions.map(one => [one.patient, one.session, one.revision]));
    if (sessions.length > 2000) return; /* so long a list is read again when it is opened again */
    poll(5000, async () => {
      const before = newest(), now = (await ask("api/sessions")).sessions;
      if (location.hash !== place || looking) return;
      sessions = now;
      if (newest() !== before || sessions.some(one => !one.summary)) await summarize();
    });
  }

  function notes(model, reload) {
    const when = note => `${note.author || "unknown"}, ${new Date(note.at_ms).toLocaleString()}${note.day === null ? "" : note.day === "before" ? ", before treatment" : `, day ${note.day}`}`;
    const all = model.notes || [], at_once = 50; /* the latest; the others when they are asked for */
    const one = note => element("div", { class: "note" }, element("div", { class: "soft small" }, when(note)), note.text);
    const list = element("div", {}, all.length ? all.slice(-at_once).map(one) : element("p", { class: "soft" }, "No notes yet."));
    const earlier = all.length > at_once ? element("p", {}, element("button", { type: "button", onclick: event => {
      event.currentTarget.parentNode.remove();
      list.replaceChildren(...all.map(one));
    } }, `Show the ${all.length - at_once} earlier notes`)) : null;
    return element("section", { "aria-label": "Notes", class: all.length ? null : "noprint" }, element("h2", {}, "Notes"),
      model.more_notes ? element("p", { class: "problem" }, `Only the first ${all.length} notes can be shown here; rubor keeps them all.`) : null,
      earlier, list,
      element("div", { class: "noprint" }, form([element("label", {}, "New note", element("textarea", { name: "text", rows: 3, required: true, maxlength: 2000 }))], "Add note", async values => {
        await ask("api/note", { patient: model.patient, session: model.session, text: values.text });
        await reload();
      })));
  }

  /* Everything that changes what is filed is asked twice. */
  function mending(model, reload) {
    const treatment = model.treatment || {};
    const about = form([field("Treated on (YYYY-MM-DD)", "date", { value: treatment.date || "", pattern: "\\d{4}-\\d{2}-\\d{2}" }), field("Body site", "site", { value: treatment.site || "" }),
      field("Device", "device", { value: treatment.device || "" }), field("Needle depth in mm", "needle_mm", { type: "number", step: "0.05", min: "0", max: "10", value: treatment.needle_mm ?? "" })],
    "Save the treatment’s data", async values => {
      await ask("api/session", { patient: model.patient, session: model.session, date: values.date || null, site: values.site || null, device: values.device || null,
        needle_mm: values.needle_mm === "" ? null : Number(values.needle_mm) });
      await reload();
    });
    const name = visit => `${visit.phase === "before" ? "before" : `day ${visit.day}`}, ${visit.view}, ${(visit.photo || "").slice(0, 8)}`;
    const select = element("select", { name: "job", required: true }, model.days.map(visit => element("option", { value: visit.job }, name(visit))));
    const amend = form([element("label", {}, "Photo", select), field("Right day (before or a number)", "day", { pattern: "before|\\d{1,4}" }), field("Right patient (leave empty to keep)", "patient"),
      field("Right session (leave empty to keep)", "session")], "File it under these", async values => {
      const body = { job: values.job };
      if (values.day) body.day = values.day === "before" ? "before" : Number(values.day);
      if (values.patient) body.patient = values.patient;
      if (values.session) body.session = values.session;
      if (!window.confirm("File this photo anew? The change is kept in the audit log.")) return;
      await ask("api/amend", body);
      await reload();
    });
    const out = form([element("label", {}, "Photo", select.cloneNode(true))], "Take it out of this treatment", async values => {
      if (!window.confirm("Take this photo out? It counts no more; the change is kept in the audit log.")) return;
      await ask("api/amend", { job: values.job, withdraw: true });
      await reload();
    });
    const forget = user.role !== "admin" ? null : element("details", {}, element("summary", {}, "Forget this patient"),
      element("p", {}, "Deletes every photo, result and note of this patient. Only a line in the audit log stays. This cannot be undone."),
      form([field(`Type the patient’s id (${model.patient}) to confirm`, "again", { required: true })], "Delete everywhere", async values => {
        if (!window.confirm(`Delete everything about ${model.patient}?`)) return;
        await ask("api/forget", { patient: model.patient, again: values.again });
        location.hash = "#/";
      }, { class: "danger" }));
    const place = drawRegion(model);
    return element("section", { class: "noprint", "aria-label": "Corrections" }, element("h2", {}, "Corrections"),
      element("details", {}, element("summary", {}, "The treatment’s data"), about),
      place, model.days.length ? element("details", {}, element("summary", {}, "A photo was filed under a wrong day or patient"), amend) : null,
      model.days.length ? element("details", {}, element("summary", {}, "A photo does not belong here at all"), out) : null, forget);
  }

  /* Region and control, drawn once on the baseline of each view; the visits follow when it is measured again. */
  function drawRegion(model) {
    const baselines = new Map();
    for (const visit of model.days)
      if (visit.phase === "before" && visit.size_px && visit.images && visit.images.photo && visit.quality.verdict !== "retake") baselines.set(visit.view, visit);
    return [...baselines.values()].map(visit => {
      const root = element("div", {});
      const details = element("details", {}, element("summary", {}, baselines.size > 1 ? `Treated region and control, ${visit.view}` : "Treated region and control"), root);
      details.addEventListener("toggle", () => {
        if (details.open && !root.firstChild)
          ruborRegion(root, visit, async drawn => {
            await ask("api/amend", { job: visit.job, ...drawn });
            live.textContent = "Every visit is being measured again.";
            root.replaceChildren(element("p", { role: "status" }, "Every visit of this view is being measured again; the curve follows by itself."));
          });
      });
      return details;
    });
  }

  /* Saves an export under the name the server gives it; what goes wrong is said on the page. */
  async function save(button, values, format) {
    button.disabled = true;
    trouble.hidden = true;
    try {
      const response = await fetch(`api/export?${query({ ...values, format })}`, { credentials: "same-origin" });
      if (!response.ok) throw new Refusal(response.status, ((await response.json().catch(() => ({}))).error || {}).message || `The service answered ${response.status}.`);
      const address = URL.createObjectURL(await response.blob());
      const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") || "");
      const link = element("a", { href: address, download: name ? name[1] : `rubor.${format}`, hidden: true });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(address), 60000);
    } catch (problem) {
      if (problem.status === 401) problemOf(problem);
      else { trouble.textContent = `${format.toUpperCase()}: ${problem.message}`; trouble.hidden = false; }
    } finally { button.disabled = false; }
  }

  function handOver(values) {
    return element("div", { class: "bar noprint" }, element("button", { type: "button", onclick: () => window.print() }, "Print"),
      ["pdf", "html", "csv", "fhir"].map(format => element("button", { type: "button", onclick: event => save(event.currentTarget, values, format) }, format.toUpperCase())),
      element("button", { type: "button", onclick: () => { location.hash = hash("capture", values); } }, "Capture view"));
  }

  async function otherSessions(values, holder) {
    const { sessions } = await ask("api/sessions?" + query({ patient: values.patient }));
    const others = sessions.filter(one => one.patient === values.patient && one.session !== values.session);
    if (!others.length) return;
    holder.append(element("label", {}, "Lay another session over the curves",
      element("select", { onchange: async event => {
        const other = event.target.value ? await ask("api/review?" + query({ patient: values.patient, session: event.target.value })) : null;
        holder.dispatchEvent(new CustomEvent("other", { detail: other }));
      } }, element("option", { value: "" }, "none"), others.map(one => element("option", { value: one.session }, one.session)))));
  }

  /* Chart.js is large: it is fetched with the page but runs only once the pictures are shown. */
  let charts = null;
  function loadCharts() {
    charts = charts || new Promise((resolve, reject) => {
      document.head.append(element("script", { src: "chart.js", onload: resolve, onerror: () => reject(new Refusal(0, "The curves cannot be drawn: Chart.js did not load.")) }));
    });
    return charts;
  }

  async function showTreatment(values) {
    const place = location.hash;
    const before = ask("api/version?" + query(values)); /* what comes while the page is built is not missed */
    before.catch(() => {});
    let other = null;
    const state = {};
    const holder = element("div", { class: "noprint" });
    let phased = true; /* the first time; later nothing may jump */
    const load = async announce => {
      const model = await askReview(values);
      if (location.hash !== place) return;
      const root = element("div", {}), rest = element("div", {});
      const title = `${values.patient}, ${values.session}`;
      const finish = () => rest.replaceChildren(notes(model, () => load(false)), mending(model, () => load(false)));
      const review = () => ruborReview(root, model, { other, state, phased, loadCharts });
      if (phased) {
        show(title, handOver(values), holder, root, rest);
        await review();
        finish();
      } else {
        keepPlace(() => { show(title, handOver(values), holder, root, rest); review(); finish(); });
      }
      phased = false;
      if (announce) live.textContent = `The treatment now has ${model.days.length} photos.`;
    };
    holder.addEventListener("other", event => { other = event.detail; load(false).catch(problemOf); });
    await load(false);
    otherSessions(values, holder).catch(() => {});
    let { version } = await before;
    if (location.hash !== place) return;
    poll(2000, async () => {
      const now = await ask("api/version?" + query(values));
      const active = document.activeElement; /* what is being written or drawn is not taken away */
      const typing = active && active.matches("input:not([type=range]), textarea, select") && active.value || document.querySelector(".dot");
      if (now.version !== version && !typing) await load(true);
      if (!typing) version = now.version;
    });
  }

  async function showCapture(values) {
    const root = element("div", { class: "capture" });
    show("Capture", element("p", { class: "noprint" }, element("a", { href: hash("treatment", values) }, "Back to the review")), root);
    const none = problem => { if (problem.status === 404) return null; throw problem; }; /* no photo has come yet */
    const view = ruborCapture(root, values, () => ask("api/review?" + query(values)).catch(none));
    leaving = view.stop;
    const before = ask("api/version?" + query(values)); /* what comes while the view is built is not missed */
    await view.update();
    let { version } = await before;
    poll(1000, async () => {
      const now = await ask("api/version?" + query(values));
      if (now.version !== version) await view.update();
      version = now.version;
    });
  }

  async function route() {
    leave();
    if (!user) return;
    const [place, text] = location.hash.replace(/^#\/?/, "").split("?");
    const values = Object.fromEntries(new URLSearchParams(text || ""));
    try {
      if (place === "treatment") await showTreatment({ patient: values.patient || "", session: values.session || "" });
      else if (place === "capture") await showCapture({ patient: values.patient || "", session: values.session || "" });
      else await showList();
    } catch (problem) { problemOf(problem); }
  }

  /* What an address opened directly will need is asked for at once, beside the question who is logged in. */
  let early = null;
  function askEarly() {
    const [place, text] = location.hash.replace(/^#\/?/, "").split("?");
    const values = Object.fromEntries(new URLSearchParams(text || ""));
    if (place !== "treatment" || !values.patient || !values.session) return;
    const path = "api/review?" + query({ patient: values.patient, session: values.session });
    early = { path, answer: ask(path) };
    early.answer.catch(() => {});
  }
  function askReview(values) {
    const path = "api/review?" + query(values);
    const taken = early && early.path === path ? early.answer : null;
    early = null;
    return taken || ask(path);
  }

  async function start() {
    askEarly();
    try {
      user = await ask("api/me");
    } catch (problem) {
      if (problem.status === 401) showLogin(""); else problemOf(problem);
      return;
    }
    document.getElementById("bar").hidden = false;
    document.getElementById("who").textContent = `${user.name} (${user.role})`;
    await route();
  }

  document.getElementById("leave").addEventListener("click", async () => {
    await ask("api/logout", {}).catch(() => {});
    user = null;
    showLogin("");
  });
  window.addEventListener("hashchange", async () => {
    await route();
    if (document.activeElement === document.body) content.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  });
  start();
})();
