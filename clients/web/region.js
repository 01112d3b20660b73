/* Drawing the treated region and the untreated control on the photo before treatment: with the pointer, or as numbers for
 * who uses keyboard or screen reader. Corners are kept in pixels of the photo as displayed.
 * ruborRegion(root, visit, send): send({region, control}) gets [[x, y], ...] or null for each. */
"use strict";

function ruborRegion(root, visit, send) {
  const [width, height] = visit.size_px;
  const kinds = [["region", "Treated region"], ["control", "Untreated control"]];
  const corners = { region: [], control: [] };
  const SVG = "http://www.w3.org/2000/svg";
  let active = "region";

  const make = ruborElement;
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  drawing.setAttribute("aria-hidden", "true");
  const inputs = {};
  const problem = make("p", { class: "problem", role: "alert" });

  function draw() {
    drawing.replaceChildren(...kinds.flatMap(([kind]) => {
      const shape = document.createElementNS(SVG, "polygon");
      shape.setAttribute("points", corners[kind].map(point => point.join(",")).join(" "));
      shape.setAttribute("class", `shape ${kind}`);
      const dots = corners[kind].map(point => {
        const dot = document.createElementNS(SVG, "circle");
        dot.setAttribute("cx", point[0]);
        dot.setAttribute("cy", point[1]);
        dot.setAttribute("r", String(width / 150));
        dot.setAttribute("class", `dot ${kind}`);
        return dot;
      });
      return [shape, ...dots];
    }));
  }

  function changed() {
    for (const [kind] of kinds) inputs[kind].value = corners[kind].map(point => point.join(",")).join(" ");
    problem.textContent = "";
    draw();
  }

  /* "x,y x,y x,y": null when it cannot be read or leaves the photo. */
  function parse(text) {
    const points = text.trim().split(/\s+/).filter(Boolean).map(pair => pair.split(",").map(Number));
    const fits = points.every(point => point.length === 2 && point.every(Number.isFinite) && point[0] >= 0 && point[0] <= width && point[1] >= 0 && point[1] <= height);
    return fits && (points.length === 0 || points.length >= 3) ? points : null;
  }

  const frame = make("div", { class: "draw", onclick: event => {
    const box = frame.getBoundingClientRect();
    if (corners[active].length >= 64) return;
    corners[active].push([Math.round((event.clientX - box.left) / box.width * width), Math.round((event.clientY - box.top) / box.height * height)]);
    changed();
  } }, make("img", { src: visit.images.photo, alt: "The photo before treatment" }), drawing);

  const pick = kinds.map(([kind, name]) => make("button", { type: "button", "aria-pressed": String(kind === active), onclick: event => {
    active = kind;
    pick.forEach(button => button.setAttribute("aria-pressed", String(button === event.currentTarget)));
  } }, name));
  const undo = make("button", { type: "button", onclick: () => { corners[active].pop(); changed(); } }, "Take back a corner");
  const clear = make("button", { type: "button", onclick: () => { corners[active] = []; changed(); } }, "Start over");
  const fields = kinds.map(([kind, name]) => {
    inputs[kind] = make("input", { autocomplete: "off", spellcheck: "false", onchange: event => {
      const points = parse(event.target.value);
      if (points) { corners[kind] = points; changed(); }
      else problem.textContent = `${name}: at least three corners as x,y, from 0,0 to ${width},${height}.`;
    } });
    return make("label", {}, `${name}, corners as x,y in pixels of the photo`, inputs[kind]);
  });
  const measure = make("button", { type: "submit" }, "Measure every visit in these");
  const form = make("form", { onsubmit: async event => {
    event.preventDefault();
    const short = kinds.find(([kind]) => corners[kind].length > 0 && corners[kind].length < 3);
    if (short) { problem.textContent = `${short[1]}: needs at least three corners.`; return; }
    if (!corners.region.length && !corners.control.length) { problem.textContent = "Draw the treated region first."; return; }
    if (!window.confirm("Measure every visit of this view again? The old results are kept.")) return;
    measure.disabled = true;
    try { await send({ region: corners.region.length ? corners.region : null, control: corners.control.length ? corners.control : null }); }
    catch (refusal) { problem.textContent = refusal.message; }
    finally { measure.disabled = false; }
  } }, ...fields, problem, make("p", {}, measure));

  root.replaceChildren(
    make("p", { class: "soft" }, "Click the corners of the treated skin, then those of skin nearby that was not treated. What is not drawn stays as it was."),
    make("div", { class: "bar", role: "group", "aria-label": "What to draw" }, ...pick, undo, clear), frame, form);
  draw();
}
