/* The review of one treatment: what `rubor review --html` writes and what the page of `rubor serve` shows.
 * ruborReview(root, model, {other, state, loadCharts, phased}) draws model (the JSON of `rubor review --json` with pictures) into root;
 * other is a second session's model whose curve is laid over; loadCharts() brings Chart.js where it is not there yet; with
 * phased the answer and the film of days are shown before the rest is built. Gives a promise of the whole. */
"use strict";

function ruborReview(root, model, options) {
  const element = ruborElement;
  /* Halves away from zero, as rubor_number_round rounds what the command prints: toFixed alone looks at bits that nobody sees. */
  const rounded = (value, digits) => Math.sign(value) * Math.round(Math.abs(value) * 10 ** digits) / 10 ** digits + 0;
  const number = (value, digits) => value === null || value === undefined ? "–" : rounded(value, digits).toFixed(digits);
  const interval = (pair, digits) => pair ? `${number(pair[0], digits)} to ${number(pair[1], digits)}` : "–";
  /* Keeps the picture's place on the page free until it is there. */
  const sizeOf = visit => visit && visit.size_px ? { width: visit.size_px[0], height: visit.size_px[1] } : {};
  const grades = ["clear", "almost clear", "mild", "moderate", "severe"];
  const dayName = visit => visit.phase === "before" ? "Before treatment"
    : visit.day === 0 ? "Right after (day 0)" : `Day ${visit.day}`;
  const views = [...new Set(model.days.map(visit => visit.view))];
  /* The caller may keep the state, so that a photo that arrives does not take away what is being looked at. */
  const state = options && options.state || {};
  if (!views.includes(state.view)) state.view = views[0];
  state.layer = state.layer || "aligned";
  state.chosen = state.chosen ? model.days.find(visit => visit.photo === state.chosen.photo && visit.view === state.view) || null : null;
  const charts = [];

  const measured = visit => visit.reference === "baseline" && visit.redness && visit.redness.delta_ei !== null &&
    visit.in_curve !== false;
  /* Measured, but not safely comparable or not the best photo of its day: shown, never scored. */
  const beside = visit => visit.reference === "baseline" && visit.redness && visit.redness.delta_ei !== null &&
    visit.in_curve === false && visit.quality.verdict !== "retake";
  const refused = visit => visit.quality ? visit.quality.verdict === "retake" : visit.state === "failed" || visit.state === "quarantined";
  const inView = () => model.days.filter(visit => visit.view === state.view);
  const baseline = () => {
    const before = inView().filter(visit => visit.phase === "before" && visit.quality && visit.quality.verdict !== "retake");
    return before.length ? before[before.length - 1] : null;
  };
  const picture = (visit, layer) => visit.images ? visit.images[layer] || null : null;
  const small = (visit, layer) => visit.small && visit.small[layer] || picture(visit, layer);

  function header() {
    const treatment = model.treatment || {};
    const facts = [["Treated", treatment.date], ["Site", treatment.site], ["Device", treatment.device],
      ["Needle depth", treatment.needle_mm ? `${treatment.needle_mm} mm` : null],
      ["Photos", String(model.days.length)], ["Rubor", model.rubor ? `${model.rubor.version}, algorithm ${model.rubor.algorithm}` : null]];
    return element("header", {},
      element("h1", {}, `Patient ${model.patient}, session ${model.session}`),
      element("ul", { class: "facts" }, facts.filter(fact => fact[1]).map(fact => element("li", {}, `${fact[0]}: ${fact[1]}`))));
  }

  const firstRedness = visits => Math.max(0, ...visits.filter(visit => visit.day <= 1).map(visit => visit.redness.delta_ei));

  function banner() {
    const flags = model.flags || [];
    const curve = model.days.filter(measured);
    const { urgency, headline } = model.summary;
    const last = curve.reduce((best, visit) => !best || visit.day > best.day ? visit : best, null);
    const about = flag => flag.code === "not_comparable" || flag.code === "same_photo";
    const inViews = (view, text) => element("li", {}, views.length > 1 ? `${view}: ${text}` : text);
    const signs = flags.filter(flag => !about(flag)).map(flag => inViews(flag.view, flag.message));
    const photos = [...flags.filter(about).map(flag => inViews(flag.view, flag.message)),
      ...model.days.filter(refused).map(visit => inViews(visit.view, `${dayName(visit)}: ${visit.what}`))];
    return [element("section", { class: `banner ${urgency}`, "aria-label": "Summary" },
      element("strong", {}, headline),
      last ? element("p", {}, `Latest: ${dayName(last)}, redness score ${number(last.redness.score, 1)} (${interval(last.redness.interval95, 1)}), ` +
        `${grades[last.redness.grade] || "not graded"}; pigmentation score ${number(last.pigmentation.score, 1)}.`) : null,
      signs.length ? element("ul", {}, signs) : null,
      element("p", { class: "small" }, "Rubor measures; it does not diagnose.")),
    photos.length ? element("section", { class: "banner photos", "aria-label": "Photos that do not count" }, element("strong", {}, "Photos that do not count"), element("ul", {}, photos)) : ""];
  }

  function plot(id, title, unit, key, delta, color, fill, expected) {
    const canvas = element("canvas", { id, role: "img" });
    const caption = element("figcaption", {});
    const figure = element("figure", {}, element("h3", {}, title), element("div", { class: "plot" }, canvas), caption);
    const draw = () => {
      const css = getComputedStyle(document.documentElement);
      const ink = css.getPropertyValue("--soft").trim(), line = css.getPropertyValue("--line").trim();
      const tint = name => css.getPropertyValue(name).trim();
      const points = inView().filter(visit => visit.phase !== "before" && measured(visit) && visit[key][delta] !== null)
        .sort((a, b) => a.day - b.day);
      const at = pick => points.map(visit => ({ x: visit.day, y: pick(visit[key]) }));
      const datasets = [];
      const end = Math.max(model.course_days, ...points.map(visit => visit.day));
      if (expected && points.length) {
        const peak = firstRedness(points);
        const band = model.expected || []; /* reaches beyond every axis, which cuts it */
        datasets.push({ label: "expected, low", data: band.map(step => ({ x: step.day, y: step.low * peak })), pointRadius: 0, borderWidth: 0, fill: false });
        datasets.push({ label: "expected", data: band.map(step => ({ x: step.day, y: step.high * peak })), pointRadius: 0, borderWidth: 0, fill: "-1", backgroundColor: tint("--band") });
      }
      datasets.push({ label: "95 %, low", data: at(score => score[`${delta}_interval95`][0]), pointRadius: 0, borderWidth: 0, fill: false });
      datasets.push({ label: "95 % interval", data: at(score => score[`${delta}_interval95`][1]), pointRadius: 0, borderWidth: 0, fill: "-1", backgroundColor: tint(fill) });
      datasets.push({ label: title, data: at(score => score[delta]), borderColor: tint(color), backgroundColor: tint(color), pointRadius: 4, pointHoverRadius: 7, borderWidth: 2, clip: 8, visits: points });
      const aside = inView().filter(visit => visit.phase !== "before" && beside(visit) && visit[key][delta] !== null);
      datasets.push({ label: "not in the curve", data: aside.map(visit => ({ x: visit.day, y: visit[key][delta] })), visits: aside, showLine: false, pointStyle: "circle", pointRadius: 4, pointHoverRadius: 7, borderWidth: 1.5, borderColor: tint(color), backgroundColor: tint("--card") });
      const other = options && options.other;
      if (other)
        datasets.push({ label: `session ${other.session}`, borderColor: ink, backgroundColor: ink, borderDash: [5, 4], pointRadius: 2, borderWidth: 1.5,
          data: other.days.filter(visit => visit.view === state.view && visit.phase !== "before" && measured(visit) && visit[key][delta] !== null)
            .sort((a, b) => a.day - b.day).map(visit => ({ x: visit.day, y: visit[key][delta] })) });
      const flagged = (model.flags || []).filter(flag => flag.view === state.view && (key === "pigmentation") === (flag.code === "possible_pih"));
      datasets.push({ label: "flag", showLine: false, pointStyle: "circle", pointRadius: 10, borderWidth: 2, borderColor: tint("--bad"), backgroundColor: "transparent",
        data: flagged.map(flag => { const hit = points.find(visit => visit.day === flag.day); return hit ? { x: flag.day, y: hit[key][delta] } : null; }).filter(Boolean) });
      canvas.setAttribute("aria-label", `${title} over days: ` + points.map(visit => `day ${visit.day} ${number(visit[key][delta], 1)}`).join(", ") +
        (aside.length ? `; not in the curve: ${aside.map(visit => `day ${visit.day} ${number(visit[key][delta], 1)}`).join(", ")}` : ""));
      caption.textContent = expected
        ? "Change against the photo before treatment, with its 95 % interval. Shaded green: the usual course from the first day’s redness (mostly gone in 24 to 72 hours, gone within 7 days), " + `${model.expected_source}.`
        : "Darkening against the photo before treatment, with its 95 % interval. Before day 11 it may be crust or bruise and is not called pigmentation.";
      if (aside.length) caption.textContent += " Hollow points are not in the curve: each photo says why.";
      if (canvas.chart) canvas.chart.destroy();
      canvas.chart = new Chart(canvas, { type: "line", data: { datasets },
        options: { animation: false, responsive: true, maintainAspectRatio: false, parsing: false, interaction: { mode: "nearest", intersect: false },
          onClick: (event, hits) => { const hit = hits.find(item => datasets[item.datasetIndex].visits); if (hit) choose(datasets[hit.datasetIndex].visits[hit.index]); },
          plugins: { legend: { display: Boolean(other), labels: { color: ink, filter: item => item.text === title || item.text.startsWith("session ") } }, tooltip: { filter: item => Boolean(datasets[item.datasetIndex].visits),
            callbacks: { title: items => items.length ? dayName(datasets[items[0].datasetIndex].visits[items[0].dataIndex]) : "",
              label: item => { const set = datasets[item.datasetIndex], score = set.visits[item.dataIndex][key]; return `${number(score[delta], 1)} (${interval(score[`${delta}_interval95`], 1)})${set.visits === points ? "" : ", not in the curve"}`; } } } },
          scales: { x: { type: "linear", min: 0, max: end, title: { display: true, text: "days since treatment", color: ink }, ticks: { color: ink, stepSize: end > 14 ? 7 : 1 }, grid: { color: line } },
            y: { suggestedMin: -2, suggestedMax: 6, title: { display: true, text: unit, color: ink }, ticks: { color: ink }, grid: { color: line } } } } });
    };
    charts.push(draw);
    return figure;
  }

  /* Where most of the redness lies, in % of the width: the map's reds have little blue. */
  async function middleOfRedness(visit) {
    const source = small(visit, "delta_ei");
    if (!source) return null;
    const image = new Image();
    await picturesShown;
    image.src = source;
    await image.decode();
    const canvas = element("canvas", { width: 64, height: 48 });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, 64, 48);
    const { data } = context.getImageData(0, 0, 64, 48);
    let weight = 0, sum = 0;
    for (let i = 0; i < 64 * 48; i++) {
      const red = Math.max(0, data[4 * i] - data[4 * i + 2] - 40);
      weight += red;
      sum += red * (i % 64 + 0.5);
    }
    return weight > 64 * 48 ? 100 * sum / weight / 64 : null;
  }

  /* The small picture shows at once; the one of screen size takes its place when the others are there. */
  async function sharpen(image, source) {
    if (!source || image.getAttribute("src") === source) return;
    const whole = new Image();
    await picturesShown;
    whole.src = source;
    await whole.decode().then(() => { if (image.isConnected) image.src = source; }, () => {});
  }

  const comparison = element("section", { "aria-label": "Before and after" });
  function drawComparison() {
    comparison.replaceChildren();
    const before = baseline();
    const after = state.chosen || inView().find(visit => visit.phase !== "before" && (picture(visit, "aligned") || picture(visit, "photo")));
    if (!before || !after || !picture(before, "photo") || !(picture(after, "aligned") || picture(after, "photo"))) return;
    const layer = picture(after, "aligned") ? "aligned" : "photo";
    const top = element("img", { class: "after", src: small(after, layer), alt: `${dayName(after)}, aligned to the photo before treatment` });
    const bottom = element("img", { src: small(before, "photo"), ...sizeOf(before), alt: "Before treatment" });
    sharpen(bottom, picture(before, "photo"));
    sharpen(top, picture(after, layer));
    const edge = element("div", { class: "edge" });
    const move = value => { top.style.clipPath = `inset(0 0 0 ${value}%)`; edge.style.left = `${value}%`; };
    const range = element("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": `Show before to the left, ${dayName(after)} to the right`, oninput: event => move(event.target.value) });
    move(50);
    middleOfRedness(after).then(middle => { if (middle !== null && range.value === "50") { range.value = String(Math.round(middle)); move(range.value); } }).catch(() => {});
    comparison.append(element("h2", {}, `Before and ${dayName(after).toLowerCase()}`),
      element("div", { class: "slider" }, bottom, top, edge), element("div", { class: "noprint" }, range));
  }

  /* Pictures of a visit: name, button, legend (ends, what it shows). "aligned" shows the photo as taken where there is none. */
  const layers = [
    { name: "aligned", title: "Aligned to before" }, { name: "photo", title: "As taken" },
    { name: "overlay", title: "Outlines", marks: [["skin", "skin"], ["red", "redness"], ["brown", "pigment"], ["found", "bleeding, crust, bruise, shine"]] },
    { name: "delta_ei", title: "Redness change", ends: ["−10", "0", "30 or more"], says: "Change of the erythema index (ΔEI) against the photo before treatment." },
    { name: "delta_mi", title: "Pigment change", ends: ["−10", "0", "30 or more"], says: "Change of the melanin index (ΔMI) against the photo before treatment." },
    { name: "ei", title: "Redness map", ends: ["0", "30", "60 or more"], says: "Erythema index (EI) of this photo alone." },
    { name: "mi", title: "Pigment map", ends: ["0", "60", "120 or more"], says: "Melanin index (MI) of this photo alone." }];
  const legend = element("div", { class: "keep" });
  function drawLegend() {
    const layer = layers.find(one => one.name === state.layer);
    legend.replaceChildren(...(!layer ? [] : layer.ends
      ? [element("figure", { class: "legend" }, element("div", { class: `ramp ${layer.name}`, role: "img", "aria-label": `Colors from ${layer.ends[0]} to ${layer.ends[2]}` }),
        element("div", { class: "ends small" }, layer.ends.map(end => element("span", {}, end))),
        element("figcaption", {}, `${layer.says} Dark: not skin or not measured. The same colors on every day and skin tone.`))]
      : layer.marks ? [element("p", { class: "small marks" }, layer.marks.map(mark => element("span", {}, element("span", { class: `mark ${mark[0]}` }), mark[1])))] : []));
  }
  /* Areas laid over the pictures that show the photo's own frame: the masks' picture holds one in each color channel. */
  const areas = [["erythema", "Erythema", 0, [220, 0, 60]], ["pigment", "Pigment", 1, [150, 80, 0]], ["findings", "Findings", 2, [0, 90, 255]]];
  state.areas = state.areas || new Set();
  const areaButtons = areas.map(([name, title]) => element("button", { type: "button", class: `area ${name}`, "aria-pressed": String(state.areas.has(name)), onclick: event => {
    if (!state.areas.delete(name)) state.areas.add(name);
    event.currentTarget.setAttribute("aria-pressed", String(state.areas.has(name)));
    if (state.layer === "aligned") layerButtons.find(button => button.textContent === "As taken")?.click(); /* masks are in the photo's frame */
    else drawStrip();
  } }, title));

  async function drawAreas(canvas, source) {
    const image = new Image();
    image.src = source;
    await image.decode();
    const width = canvas.width = image.naturalWidth, height = canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height), out = context.createImageData(width, height);
    for (const [name, , channel, color] of areas) {
      if (!state.areas.has(name)) continue;
      const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && data[4 * (y * width + x) + channel] > 127;
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          if (!inside(x, y)) continue;
          const border = !(inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1));
          const at = 4 * (y * width + x);
          if (border || out.data[at + 3] < 255) out.data.set([...color, border ? 255 : 70], at);
        }
    }
    context.putImageData(out, 0, 0);
  }

  /* The picture of a card, with the areas that are switched on. */
  function framed(visit, image) {
    const source = visit.phase !== "before" && state.layer !== "aligned" && state.areas.size ? small(visit, "masks") : null;
    if (!source) return image;
    const canvas = element("canvas", { role: "img", "aria-label": `${areas.filter(([name]) => state.areas.has(name)).map(([, title]) => title.toLowerCase()).join(", ")} of ${dayName(visit)}` });
    drawAreas(canvas, source).catch(() => {});
    return element("div", { class: "stack" }, image, canvas);
  }

  const strip = element("ul", { class: "strip" });
  function drawStrip() {
    places.strip.clear();
    strip.replaceChildren(...inView().map(visit => {
      const change = state.layer.startsWith("delta"); /* against the photo before treatment only */
      const source = change && visit.reference !== "baseline" ? (visit.phase === "before" ? small(visit, "photo") : null) : small(visit, state.layer) || (change ? null : small(visit, "photo"));
      const quality = visit.quality || { verdict: visit.state || "waiting", reasons: [] };
      const verdict = quality.verdict;
      const compared = visit.phase !== "before" && visit.reference === "baseline" && !refused(visit); /* no numbers of a photo that failed */
      const rows = [];
      if (compared) {
        rows.push(["Redness", `${number(visit.redness.score, 1)} (${interval(visit.redness.interval95, 1)}) ${grades[visit.redness.grade] || ""}`]);
        rows.push(["ΔEI", `${number(visit.redness.delta_ei, 1)} (${interval(visit.redness.delta_ei_interval95, 1)})`]);
        rows.push(["Pigment", `${number(visit.pigmentation.score, 1)} (${interval(visit.pigmentation.interval95, 1)})`]);
        const found = visit.findings || {};
        const notes = [];
        if (found.pinpoint_count > 0) notes.push(`${found.pinpoint_count} pinpoint bleedings`);
        if (found.crust_percent >= 0.1) notes.push(`crust ${number(found.crust_percent, 1)} %`);
        if (found.bruise_percent >= 0.1) notes.push(`bruise ${number(found.bruise_percent, 1)} %`);
        if (notes.length) rows.push(["Found", notes.join(", ")]);
      }
      const button = visit.phase !== "before" && small(visit, "photo") ? element("button", { type: "button", onclick: () => choose(visit) }, "Compare with before") : null;
      const card = element("li", { class: "day" },
        source ? framed(visit, element("img", { src: source, ...sizeOf(visit), alt: `${dayName(visit)}, ${(layers.find(one => one.name === state.layer) || { title: "photo" }).title.toLowerCase()}`, loading: "lazy", decoding: "async" })) : element("div", { class: "none" }, "no picture"),
        element("div", { class: "text" },
          element("div", { class: "head" }, element("h3", {}, dayName(visit)), element("span", { class: `tag ${verdict}` }, verdict)),
          compared && measured(visit) && verdict === "ok" && !visit.also_filed ? null : element("p", { class: "small what" }, visit.what),
          rows.length ? element("dl", {}, rows.map(row => [element("dt", {}, row[0]), element("dd", {}, row[1])]).flat()) : null,
          (visit.flag_words || []).map(words => element("span", { class: "tag plain" }, words)),
          button ? element("p", { class: "noprint" }, button) : null));
      places.strip.set(visit, { button, card });
      return card;
    }));
    mark();
  }

  /* What keeps a photo from counting, in a word or two; "" where nothing does. */
  function remark(visit) {
    const verdict = visit.quality ? visit.quality.verdict : visit.state || "waiting";
    if (verdict !== "ok" && verdict !== "warn") return verdict;
    if (visit.phase === "before" || measured(visit)) return "";
    return visit.reference === "baseline" ? "not counted" : "not compared";
  }

  /* Every day at a glance, in one row: the whole course before anything is read. */
  const film = element("ul", { class: "film noprint", "aria-label": "Every day at a glance" });
  function drawFilm() {
    places.film.clear();
    film.replaceChildren(...inView().map(visit => {
      const source = small(visit, "aligned") || small(visit, "photo");
      const verdict = visit.quality ? visit.quality.verdict : visit.state || "waiting";
      const said = remark(visit), name = (visit.phase === "before" ? "before" : `day ${visit.day}`) + (said ? `, ${said}` : "");
      const red = visit.phase !== "before" && measured(visit) ? `, redness ${number(visit.redness.score, 1)}` : "";
      const plain = visit.phase === "before" || !source;
      const button = element("button", { type: "button", disabled: plain, onclick: () => choose(visit), "aria-label": plain ? name : `${name}${red}: compare with before` },
        source ? element("img", { src: source, alt: "", decoding: "async" }) : element("span", { class: "none" }), element("span", { class: `small ${verdict}` }, name));
      if (!plain) places.film.set(visit, { button });
      return element("li", {}, button);
    }));
    mark();
  }

  /* What is chosen shows in the film and in the cards; neither is built anew, so the keyboard stays where it is. */
  const places = { film: new Map(), strip: new Map() }; /* visit -> {button, card} */
  function mark() {
    for (const place of Object.values(places))
      for (const [visit, { button, card }] of place) {
        if (button) button.setAttribute("aria-pressed", String(state.chosen === visit));
        if (card) card.className = state.chosen === visit ? "day chosen" : "day";
      }
  }

  function choose(visit) {
    state.chosen = visit;
    mark();
    drawComparison();
    comparison.scrollIntoView({ block: "nearest" });
  }

  const table = element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "All numbers" });
  function drawTable() {
    const several = views.length > 1;
    const heads = ["Day", ...(several ? ["View"] : []), "Verdict", "In curve", "Redness", "95 %", "ΔEI", "95 %", "Red area %", "Pigment", "95 %", "ΔMI", "95 %", "Flags"];
    table.replaceChildren(element("table", {}, element("caption", { class: "soft small" }, "Every photo of this treatment. Redness and pigment are scores from 0 (as before treatment) to 100; – means that there is no comparison with the photo before treatment."),
      element("thead", {}, element("tr", {}, heads.map(head => element("th", { scope: "col", class: ["View", "Verdict", "In curve", "Flags"].includes(head) ? "text" : null }, head)))),
      element("tbody", {}, model.days.map(visit => {
        const compared = visit.phase !== "before" && visit.reference === "baseline" && !refused(visit);
        const red = compared && visit.redness || {}, pigment = compared && visit.pigmentation || {};
        const words = [dayName(visit), ...(several ? [visit.view] : []), visit.quality ? visit.quality.verdict : visit.state || "waiting", visit.phase === "before" ? "" : measured(visit) ? "yes" : "no"];
        const numbers = [number(red.score, 1), interval(red.interval95, 1), number(red.delta_ei, 2), interval(red.delta_ei_interval95, 1), number(red.area_percent, 1),
          number(pigment.score, 1), interval(pigment.interval95, 1), number(pigment.delta_mi, 2), interval(pigment.delta_mi_interval95, 1)];
        const flags = (visit.flag_words || []).join(", ");
        return element("tr", { class: visit.phase === "before" || measured(visit) ? null : "aside" }, words.map(cell => element("td", { class: "text" }, cell)),
          numbers.map(cell => element("td", {}, cell)), element("td", { class: "text" }, flags));
      }))));
  }

  function landmarks() {
    const found = (model.series || []).filter(series => series.redness && series.redness.peak_day !== null);
    return found.map(series => {
      const red = series.redness, words = [`Redness${views.length > 1 ? ` (${series.view})` : ""} peaked on day ${number(red.peak_day, 0)}`];
      const bounds = (pair, digits) => pair && pair[0] !== null && pair[1] !== null && pair[0] !== pair[1] ? ` (${interval(pair, digits)})` : "";
      if (red.half_life_days !== null) words.push(`halved in ${number(red.half_life_days, 1)} days${bounds(red.half_life_interval95, 1)}`);
      words.push(red.resolved_day !== null ? `was gone by day ${number(red.resolved_day, 0)}${bounds(red.resolved_interval95, 0)}` : "is not gone yet");
      return element("p", {}, words.join(", ") + ".");
    });
  }

  /* Pictures first: they are asked for before anything else is built, and the curves wait until they are shown. */
  const soon = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
  const first = inView().map(visit => {
    const image = new Image();
    image.src = small(visit, "aligned") || small(visit, "photo") || "";
    return image;
  });
  const decoded = Promise.all(first.map(image => image.decode().catch(() => {})));
  const frame = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
  const picturesShown = Promise.race([decoded, soon(600)]).then(() => Promise.race([frame(), soon(100)]));

  async function drawCharts() {
    await picturesShown;
    try {
      if (options && options.loadCharts) await options.loadCharts();
      charts.forEach(draw => draw());
    } catch (problem) {
      for (const caption of root.querySelectorAll(".charts figcaption")) caption.replaceChildren(element("span", { class: "problem", role: "alert" }, problem.message));
    }
  }

  function redraw() {
    drawCharts();
    drawComparison();
    drawLegend();
    drawStrip();
    drawTable();
  }

  const available = layers.filter(layer => model.days.some(visit => small(visit, layer.name)));
  if (available.length && !available.some(layer => layer.name === state.layer)) state.layer = available[0].name;
  const layerButtons = available.map(layer => element("button", { type: "button", "aria-pressed": String(layer.name === state.layer), onclick: event => {
    state.layer = layer.name;
    layerButtons.forEach(button => button.setAttribute("aria-pressed", String(button === event.currentTarget)));
    drawLegend();
    drawStrip();
  } }, layer.title));
  const viewButtons = views.length > 1 ? views.map(view => element("button", { type: "button", "aria-pressed": String(view === state.view), onclick: event => {
    state.view = view;
    state.chosen = null;
    viewButtons.forEach(button => button.setAttribute("aria-pressed", String(button === event.currentTarget)));
    drawFilm();
    redraw();
  } }, view)) : [];

  const firstScreen = [header(), ...banner(),
    viewButtons.length ? element("div", { class: "bar noprint", role: "group", "aria-label": "View" }, viewButtons) : "", film];
  function finish() {
    root.append(element("section", { "aria-label": "Curves" }, element("h2", {}, "Redness and pigmentation over days"), landmarks(),
      element("div", { class: "charts" }, plot("redness-chart", "Redness change", "ΔEI", "redness", "delta_ei", "--red", "--red-soft", true),
        plot("pigment-chart", "Pigmentation change", "ΔMI", "pigmentation", "delta_mi", "--brown", "--brown-soft", false))),
    comparison,
    element("section", { "aria-label": "Days" }, element("h2", {}, "Day by day"),
      layerButtons.length > 1 ? element("div", { class: "bar noprint", role: "group", "aria-label": "Picture" }, layerButtons) : "",
      model.days.some(visit => small(visit, "masks")) ? element("div", { class: "bar noprint", role: "group", "aria-label": "Areas laid over the photos" }, "Lay over:", areaButtons) : "", legend, strip),
    element("section", { "aria-label": "Numbers" }, element("h2", {}, "All numbers"), table));
    redraw();
  }

  root.replaceChildren(...firstScreen);
  drawFilm();
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", function follow() {
    if (root.isConnected) drawCharts();
    else scheme.removeEventListener("change", follow);
  });
  if (!(options && options.phased)) {
    finish();
    return Promise.resolve();
  }
  return picturesShown.then(finish);
}
