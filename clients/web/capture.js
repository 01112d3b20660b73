/* The view for a tablet beside the camera: the last photo's verdict in large type, and the photo before treatment as a ghost
 * over the tablet's camera, to pose by. Without a camera (refused, none, or no secure address) the photo is shown alone.
 * ruborCapture(root, values, load): load() gives the review's model, or null while no photo has come. Returns {update, stop}. */
"use strict";

function ruborCapture(root, values, load) {
  const element = ruborElement;
  const verdict = element("p", { class: "verdict-big", role: "status" }, "Waiting for the first photo");
  const sentence = element("p", { class: "verdict-why" });
  const frame = element("div", { class: "frame" });
  const camera = element("video", { autoplay: true, playsinline: true, "aria-label": "Camera" });
  camera.muted = true;
  const state = { view: null, ghost: "outline", before: null };
  let stopped = false;

  const ghosts = [["outline", "Outline"], ["photo", "Photo, see-through"], ["none", "No ghost"]];
  const ghostButtons = ghosts.map(([name, title]) => element("button", { type: "button", "aria-pressed": String(name === state.ghost), onclick: event => {
    state.ghost = name;
    ghostButtons.forEach(button => button.setAttribute("aria-pressed", String(button === event.currentTarget)));
    drawFrame();
  } }, title));
  const ghostBar = element("div", { class: "bar", role: "group", "aria-label": "Ghost of the photo before treatment", hidden: true }, ghostButtons);
  const views = element("div", { class: "bar", role: "group", "aria-label": "View" });
  const note = element("p", { class: "soft" });

  /* Mean over a square of 33 pixels around each: what is an edge among pores is none beside a color chart. */
  function blockMeans(values, width, height) {
    const reach = 16, sums = new Float64Array((width + 1) * (height + 1)), out = new Float32Array(values.length);
    for (let y = 0; y < height; y++)
      for (let x = 0, row = 0; x < width; x++) {
        row += values[y * width + x];
        sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
      }
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const left = Math.max(0, x - reach), right = Math.min(width, x + reach + 1), top = Math.max(0, y - reach), bottom = Math.min(height, y + reach + 1);
        const at = (line, column) => sums[line * (width + 1) + column];
        out[y * width + x] = (at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)) / ((right - left) * (bottom - top));
      }
    return out;
  }

  /* White lines with dark rims where the photo's brightness steps: seen on any skin and any camera picture. */
  async function outline(source) {
    const image = new Image();
    image.src = source;
    await image.decode();
    const width = 320, height = Math.round(width * image.naturalHeight / image.naturalWidth);
    const canvas = element("canvas", { class: "ghost outline", width, height, role: "img", "aria-label": "Outline of the photo before treatment, to pose by" });
    const context = canvas.getContext("2d");
    context.filter = "blur(1.5px)";
    context.drawImage(image, 0, 0, width, height);
    const picture = context.getImageData(0, 0, width, height), from = new Float32Array(width * height);
    for (let i = 0; i < from.length; i++) from[i] = picture.data[4 * i] + 2 * picture.data[4 * i + 1] + picture.data[4 * i + 2];
    const step = new Float32Array(from.length);
    for (let y = 1; y < height - 1; y++)
      for (let x = 1; x < width - 1; x++) {
        const i = y * width + x;
        step[i] = Math.hypot(from[i + 1] - from[i - 1], from[i + width] - from[i - width]);
      }
    const usual = blockMeans(step, width, height);
    for (let i = 0; i < step.length; i++) {
      const strength = Math.min(1, Math.max(0, step[i] / Math.max(24, 3 * usual[i]) - 0.6));
      picture.data.set([255, 255, 255, 255 * strength], 4 * i);
    }
    context.putImageData(picture, 0, 0);
    return canvas;
  }

  async function drawFrame() {
    const before = state.before;
    const source = before && before.images ? before.images.photo : null;
    const live = Boolean(camera.srcObject);
    ghostBar.hidden = !live || !source;
    note.textContent = !source ? "No photo before treatment yet: there is nothing to pose by."
      : live ? "" : "The photo before treatment. A camera can be shown under it on localhost or over TLS, once the browser may use it.";
    const children = live ? [camera] : [];
    if (source && !live) children.push(element("img", { src: source, alt: "The photo before treatment, to pose by" }));
    else if (source && state.ghost === "photo") children.push(element("img", { class: "ghost", src: source, alt: "The photo before treatment, to pose by" }));
    else if (source && state.ghost === "outline") children.push(await outline(source).catch(() => ""));
    if (!stopped) frame.replaceChildren(...children);
  }

  function drawVerdict(last) {
    const words = { ok: "Good photo", warn: "Usable, but …", retake: "Take it again" };
    const grade = last.quality ? last.quality.verdict : null;
    const waits = last.state === "queued" || last.state === "running";
    const known = last.same_photo && last.same_photo.submitted_ms < last.submitted_ms ? last.same_photo : null;
    if (known) { /* however good it is, it is no photo of this day */
      const day = known.day === null ? "before treatment" : `day ${known.day}`;
      verdict.className = "verdict-big retake";
      verdict.textContent = `${last.phase === "before" ? "Before" : `Day ${last.day}`}: not a new photo`;
      sentence.textContent = `This very photo was filed already: ${day}${known.view === last.view ? "" : `, ${known.view}`}, sent on ${new Date(known.submitted_ms).toLocaleDateString()}. Take one of today, and let the wrong filing be mended in the review.`;
      return;
    }
    verdict.className = `verdict-big ${grade || (waits ? "" : "retake")}`;
    verdict.textContent = `${last.phase === "before" ? "Before" : `Day ${last.day}`}: ${grade ? words[grade] : waits ? "being measured …" : "Take it again"}`;
    const reasons = grade === "ok" || waits ? "" : last.quality ? last.quality.reasons.map(reason => reason.message).join(" ") : last.what;
    sentence.textContent = !waits && last.also_filed ? `${reasons} This very photo is also filed under ${last.also_filed}.`.trim() : reasons;
  }

  function drawViews(names) {
    views.replaceChildren(...(names.length < 2 ? [] : names.map(name => element("button", { type: "button", "aria-pressed": String(name === state.view),
      onclick: () => { state.view = name; state.picked = true; update(); } }, name))));
  }

  async function update() {
    const model = await load();
    if (stopped) return;
    if (!model || !model.days.length) { await drawFrame(); return; }
    const last = model.days.reduce((latest, visit) => visit.submitted_ms > latest.submitted_ms ? visit : latest);
    const names = [...new Set(model.days.map(visit => visit.view))];
    if (!state.picked || !names.includes(state.view)) state.view = last.view; /* the view being photographed */
    const before = model.days.filter(visit => visit.view === state.view && visit.phase === "before" && visit.quality && visit.quality.verdict !== "retake").pop() || null;
    const changed = !frame.firstChild || (before && before.job) !== (state.before && state.before.job);
    state.before = before;
    drawVerdict(last);
    drawViews(names);
    if (changed) await drawFrame();
  }

  async function openCamera() {
    if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return;
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).catch(() => null);
    if (stream && stopped) stream.getTracks().forEach(track => track.stop());
    else if (stream) { camera.srcObject = stream; await drawFrame(); }
  }

  function stop() {
    stopped = true;
    if (camera.srcObject) camera.srcObject.getTracks().forEach(track => track.stop());
  }

  root.replaceChildren(element("h1", {}, `Patient ${values.patient}, session ${values.session}`), verdict, sentence, views, frame, ghostBar, note);
  openCamera();
  return { update, stop };
}
