/* The review page in a real browser. Environment: PAGE (address), TOKEN, REVIEWER_PAGE and REVIEWER_TOKEN (a second page
 * server with a token file TOKENS), EXPIRED_TOKEN, PATIENT, SESSION, SUBMIT, SUBMIT_OVEREXPOSED, SUBMIT_AGAIN and SUBMIT_DAMAGED (shell commands that submit day 4, a day 5
 * to retake, the photo of day 2 as day 7, a day 6 that is cut short), HTML (the same treatment exported), OUTPUT
 * (folder for screenshots). Prints one line a step; the exit code is 1 when one failed. */
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { time_pictures, timing_text } from "./timing.mjs";

const need = name => { const value = process.env[name]; if (!value) throw new Error(`${name} is not set`); return value; };
const home = need("PAGE"), token = need("TOKEN"), patient = need("PATIENT"), session = need("SESSION"), output = need("OUTPUT");
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
fs.mkdirSync(output, { recursive: true });

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic",
  "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
let failed = 0, passed = 0;
const expect = (condition, what) => { if (!condition) throw new Error(what); };

async function step(name, act) {
  try { await act(); passed++; console.log(`ok   ${name}`); }
  catch (problem) { failed++; console.log(`FAIL ${name}: ${problem.message.split("\n").slice(0, 2).join(" ")}`); }
}

async function login(page, address, secret) {
  await page.goto(address + "/");
  await page.getByLabel("Access token").fill(secret);
  await page.getByRole("button", { name: "Log in" }).click();
}

/* Runs the shell command of this name in the environment; 1 is the code of a photo that failed or must be taken again. */
const submit = name => new Promise((resolve, reject) => execFile("bash", ["-c", need(name)], problem => problem && problem.code !== 1 ? reject(problem) : resolve()));

async function open_treatment(page) {
  await page.getByRole("searchbox").fill(patient);
  await page.getByRole("link", { name: new RegExp(session) }).first().click();
  await page.getByRole("heading", { name: "Day by day" }).waitFor();
}

/* Serious and critical findings of axe; it comes in through the browser's protocol, not through the page. */
async function axe_findings(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return result.violations.filter(one => one.impact === "serious" || one.impact === "critical").map(one => `${one.id}: ${one.nodes[0].target}`);
}

const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
context.setDefaultTimeout(10000);
const page = await context.newPage();
const errors = [];
page.on("pageerror", error => errors.push(error.message));
page.on("console", message => { if (message.type() === "error" && !/\b4\d\d\b/.test(message.text())) errors.push(message.text()); });

await step("a wrong token is refused and shown", async () => {
  await login(page, home, "0".repeat(64));
  await page.getByRole("alert").filter({ hasText: "not valid" }).waitFor();
});
await step("an expired token is refused with the same words", async () => {
  await login(page, need("REVIEWER_PAGE"), need("EXPIRED_TOKEN"));
  await page.getByRole("alert").filter({ hasText: "not valid" }).waitFor();
});
await step("nothing is answered without a session", async () => {
  for (const place of ["/api/sessions", `/api/review?patient=${patient}&session=${session}`, "/api/picture?job=1&name=photo"])
    expect((await context.request.get(home + place)).status() === 401, `${place} was answered`);
});
await step("the right token logs in and the patient is found", async () => {
  await login(page, home, token);
  await page.getByRole("heading", { name: "Patients and sessions" }).waitFor();
  const names = page.locator(".list li strong");
  await page.waitForFunction(() => [...document.querySelectorAll(".list .tag")].every(tag => tag.textContent !== "…"));
  expect((await names.last().innerText()).endsWith("session S1"), `what goes as expected is not last: ${await names.allInnerTexts()}`);
  expect(/care\s+No photo could be used/.test(await page.locator(".list li", { hasText: "session S2" }).innerText()), "the list does not say how a session stands");
  await page.getByLabel("Order").selectOption("latest");
  expect((await names.last().innerText()).endsWith("session S2"), "the list cannot be ordered by the latest photo");
  const found = await axe_findings(page);
  expect(found.length === 0, `list: ${found.join("; ")}`);
  await open_treatment(page);
});
await step("a headline that could not be had is asked for again", async () => {
  let failures = 1;
  await page.route("**/api/sessions", async route => {
    const got = await route.fetch(), told = await got.json();
    for (const one of told.sessions) one.summary = null;
    await route.fulfill({ response: got, json: told });
  });
  await page.route("**/api/summary?*", route => failures-- > 0 ? route.fulfill({ status: 429, json: { error: { message: "Others are waiting." } } }) : route.continue());
  await page.goto(`${home}/#/`);
  await page.reload();
  await page.getByText("What is shown may be old.").waitFor();
  await page.waitForFunction(() => document.querySelector(".list .tag") && [...document.querySelectorAll(".list .tag")].every(tag => tag.textContent !== "…"), null, { timeout: 20000 });
  expect(failures < 0, "it was not asked for again");
  await page.unroute("**/api/sessions");
  await page.unroute("**/api/summary?*");
  await open_treatment(page);
});
await step("the pictures show soon after opening", async () => {
  const times = await time_pictures(browser, await context.storageState(), { home, patient, session, rounds: 3 });
  console.log(`     ${timing_text(times)}`);
  for (const { first, all } of [times.cold, times.warm, times.click])
    expect(first < 1000 && all < 2500, "slower than any load of the machine explains"); /* the figures of docs/ come from shots.mjs */
});
await step("the curve tells its points to a screen reader and is drawn", async () => {
  const label = await page.locator("#redness-chart").getAttribute("aria-label");
  expect(/day 0 [\d.]+/.test(label) && /day 2/.test(label), label);
  const colors = await page.locator("#redness-chart").evaluate(canvas => new Set(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data).size);
  expect(colors > 20, "the canvas is empty");
});
await step("the keyboard alone logs in, finds the patient, compares a day and switches maps", async () => {
  const own = await browser.newContext({ viewport: { width: 820, height: 1180 } });
  own.setDefaultTimeout(10000);
  const other = await own.newPage();
  const tab_to = async (what, matches) => {
    for (let presses = 0; presses < 80; presses++) {
      await other.keyboard.press("Tab");
      const at = await other.evaluate(() => { const node = document.activeElement; return { tag: node.tagName, type: node.type, text: node.getAttribute("aria-label") || node.textContent, ring: getComputedStyle(node).outlineStyle }; });
      if (!matches(at)) continue;
      expect(at.ring !== "none", `${what} does not show that it has the focus`);
      return;
    }
    throw new Error(`Tab never reached ${what}`);
  };
  await other.goto(home + "/");
  await other.getByLabel("Access token").waitFor();
  await other.keyboard.type(token);
  await other.keyboard.press("Enter");
  await other.getByRole("heading", { name: "Patients and sessions" }).waitFor();
  await tab_to("the search", at => at.type === "search");
  await other.keyboard.type(patient);
  await tab_to("the treatment", at => at.tag === "A" && at.text.includes(session));
  await other.keyboard.press("Enter");
  await other.getByRole("heading", { name: "Day by day" }).waitFor();
  await tab_to("a day of the film", at => at.text.startsWith("day 2"));
  await other.keyboard.press("Enter");
  await other.getByRole("heading", { name: "Before and day 2" }).waitFor();
  await tab_to("the slider", at => at.type === "range");
  await other.keyboard.press("ArrowLeft");
  await tab_to("the outlines", at => at.text === "Outlines");
  await other.keyboard.press("Space");
  await other.locator(".day img[src*=overlay]").first().waitFor();
  const found = await axe_findings(other);
  expect(found.length === 0, `tablet: ${found.join("; ")}`);
  await own.close();
});
await step("the exported file works with the network off", async () => {
  const own = await browser.newContext({ offline: true });
  own.setDefaultTimeout(10000);
  const file = await own.newPage();
  const asked = [], wrong = [];
  file.on("request", request => { if (!/^(file|data):/.test(request.url())) asked.push(request.url()); });
  file.on("pageerror", error => wrong.push(error.message));
  file.on("console", message => { if (message.type() === "error") wrong.push(message.text()); });
  const bytes = fs.statSync(need("HTML")).size;
  await file.goto(pathToFileURL(need("HTML")).href);
  await file.getByRole("heading", { name: "Day by day" }).waitFor();
  await file.waitForFunction(() => document.getElementById("redness-chart").chart && [...document.images].every(image => image.complete && image.naturalWidth > 0 || image.loading === "lazy"));
  const photos = await file.locator(".day").count();
  expect(photos >= 5 && bytes < 0.25e6 * photos + 0.5e6, `${bytes} bytes for ${photos} photos`);
  const clip = () => file.locator(".slider .after").evaluate(image => image.style.clipPath);
  const before = await clip();
  await file.getByRole("slider").focus();
  for (let i = 0; i < 5; i++) await file.keyboard.press("ArrowRight");
  expect(before !== await clip(), "the slider does not move");
  const source = () => file.locator(".day img").nth(1).getAttribute("src");
  const aligned = await source();
  for (const name of ["As taken", "Outlines", "Redness change", "Pigment change", "Redness map", "Pigment map"]) {
    await file.getByRole("button", { name, exact: true }).click();
    expect(aligned !== await source(), `${name} shows nothing else`);
  }
  expect(asked.length === 0 && wrong.length === 0, [...asked, ...wrong].join("; "));
  const found = await axe_findings(file).catch(problem => [problem.message]);
  expect(found.length === 0, found.join("; "));
  await own.close();
});
await step("the slider moves with the keyboard", async () => {
  const clip = () => page.locator(".slider .after").evaluate(image => image.style.clipPath);
  const before = await clip();
  await page.getByRole("slider").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  expect(before !== await clip(), "the picture did not move");
});
await step("a day is chosen and compared", async () => {
  await page.getByRole("button", { name: "Compare with before" }).nth(1).click();
  await page.getByRole("heading", { name: /^Before and day/ }).waitFor();
});
await step("the curve is hovered and clicked", async () => {
  const canvas = page.locator("#redness-chart");
  await canvas.scrollIntoViewIfNeeded();
  const at = await canvas.evaluate(node => ({ x: node.chart.scales.x.getPixelForValue(2), y: node.chart.scales.y.getPixelForValue(node.chart.data.datasets.find(set => set.visits).data.find(point => point.x === 2).y) }));
  await canvas.hover({ position: at });
  await page.waitForFunction(() => document.getElementById("redness-chart").chart.tooltip.title?.[0] === "Day 2");
  await canvas.click({ position: at });
  await page.getByRole("heading", { name: "Before and day 2" }).waitFor();
});
await step("overlays are switched", async () => {
  const source = () => page.locator(".day img").nth(1).getAttribute("src");
  expect((await source()).endsWith("name=aligned&size=small"), "the days are not shown aligned to the photo before treatment");
  for (const [button, name] of [["As taken", "photo"], ["Outlines", "overlay"], ["Redness change", "delta_ei"], ["Pigment change", "delta_mi"], ["Redness map", "ei"], ["Pigment map", "mi"]]) {
    await page.getByRole("button", { name: button, exact: true }).click();
    expect((await source()).endsWith(`name=${name}&size=small`), `${button}: ${await source()}`);
  }
  await page.getByText("Melanin index (MI) of this photo alone.").waitFor();
  await page.getByRole("button", { name: "Redness change", exact: true }).click();
  await page.waitForFunction(() => [...document.querySelectorAll(".day img")].slice(0, 4).every(image => image.complete && image.naturalWidth > 0));
  await page.locator(".strip").screenshot({ path: path.join(output, "redness-change.png") });
  await page.getByRole("button", { name: "Aligned to before" }).click();
});
await step("erythema, pigment and findings are laid over one by one", async () => {
  const painted = wanted => page.waitForFunction(wanted => { /* {red, blue} once the wanted color is there */
    const canvas = document.querySelectorAll(".day")[1].querySelector("canvas");
    if (!canvas || !canvas.width) return null;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), seen = { red: 0, blue: 0 };
    for (let i = 0; i < data.length; i += 4) if (data[i + 3]) seen[data[i + 2] > 200 ? "blue" : "red"]++;
    return seen[wanted] ? seen : null;
  }, wanted).then(found => found.jsonValue());
  await page.getByRole("button", { name: "Erythema", exact: true }).click();
  expect(await page.getByRole("button", { name: "As taken" }).getAttribute("aria-pressed") === "true", "the photos as taken are not shown");
  const red = await painted("red");
  expect(red.red > 5000 && red.blue === 0, `erythema: ${JSON.stringify(red)}`);
  await page.getByRole("button", { name: "Findings", exact: true }).click();
  const both = await painted("blue");
  expect(both.red > 4000 && both.blue > 5, `with findings: ${JSON.stringify(both)}`);
  await page.locator(".strip").screenshot({ path: path.join(output, "areas.png") });
  await page.getByRole("button", { name: "Erythema", exact: true }).click();
  await page.getByRole("button", { name: "Findings", exact: true }).click();
  expect(await page.locator(".day canvas").count() === 0, "the areas stay");
  await page.getByRole("button", { name: "Aligned to before" }).click();
});
await step("a note with markup in it is kept and shown as text", async () => {
  const text = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script> looks fine";
  await page.getByLabel("New note").fill(text);
  await page.getByRole("button", { name: "Add note" }).click();
  await page.locator(".note", { hasText: "looks fine" }).first().waitFor();
  expect((await page.locator(".note").first().innerText()).includes("<script>"), "the note was changed");
  expect(!(await page.evaluate(() => window.hacked)), "a script in a note ran");
  expect(/^local, /.test(await page.locator(".note .small").first().innerText()), "the note does not say who wrote it");
});
await step("axe finds nothing serious in the review", async () => {
  const found = await axe_findings(page);
  expect(found.length === 0, found.join("; "));
});
await step("screenshots: light, dark, tablet, print", async () => {
  await page.screenshot({ path: path.join(output, "review-light.png"), fullPage: true });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(200);
  const found = await axe_findings(page);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: path.join(output, "review-dark.png") });
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 820, height: 1180 });
  await page.screenshot({ path: path.join(output, "review-tablet.png") });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  await page.setViewportSize({ width: 1200, height: 900 });
  const pdf = await page.pdf({ path: path.join(output, "review-print.pdf"), format: "A4" });
  expect(!wide, "the page is wider than a tablet");
  expect(pdf.length > 20000, "the print is empty");
  expect(found.length === 0, `dark: ${found.join("; ")}`);
});
await step("the region is drawn on the baseline and every visit is measured again in it", async () => {
  const before = await page.locator(".day img").nth(1).getAttribute("src"); /* names the job */
  await page.getByText(/^Treated region and control/).first().click();
  const drawing = page.locator(".draw");
  await drawing.locator("img").evaluate(image => image.decode());
  const box = await drawing.boundingBox();
  await drawing.scrollIntoViewIfNeeded();
  for (const [x, y] of [[0.2, 0.25], [0.45, 0.25], [0.45, 0.7], [0.2, 0.7]]) await drawing.click({ position: { x: x * box.width, y: y * box.height } });
  await drawing.click({ position: { x: 0.9 * box.width, y: 0.9 * box.height } });
  await page.getByRole("button", { name: "Take back a corner" }).click();
  expect(await page.locator(".dot.region").count() === 4, "four corners were clicked");
  await page.getByLabel("Untreated control, corners").fill("700,100 950,100 950,300 700,300");
  await page.getByLabel("Untreated control, corners").press("Tab");
  await drawing.screenshot({ path: path.join(output, "region.png") });
  let asked = "";
  page.once("dialog", dialog => { asked = dialog.message(); dialog.accept(); });
  await page.getByRole("button", { name: "Measure every visit in these" }).click();
  await page.getByText("Every visit of this view is being measured again;").waitFor();
  expect(/again/.test(asked), "it was not asked twice");
  await page.locator("body").click({ position: { x: 5, y: 5 } });
  await page.waitForFunction(old => { const image = document.querySelectorAll(".day img")[1]; return image && image.getAttribute("src") !== old; }, before, { timeout: 30000 });
});
await step("another view is chosen", async () => {
  await page.getByRole("button", { name: "side", exact: true }).click();
  expect(await page.locator(".day").count() === 1, "the view holds other days");
  await page.getByRole("button", { name: "front", exact: true }).click();
  expect(await page.locator(".day").count() > 1, "the first view did not come back");
});
await step("the other session of the patient is laid over the curves", async () => {
  await page.getByLabel("Lay another session over the curves").selectOption("S0");
  await page.waitForFunction(() => document.getElementById("redness-chart").chart?.data.datasets.some(set => set.label === "session S0"));
});
await step("what is handed over is whole", async () => {
  for (const [format, type, least] of [["csv", "text/csv", 500], ["fhir", "application/fhir+json", 3000], ["pdf", "application/pdf", 60000], ["html", "text/html", 400000]]) {
    const answer = await context.request.get(`${home}/api/export?patient=${patient}&session=${session}&format=${format}`);
    const body = await answer.body();
    expect(/^attachment; filename="rubor_P-77_S1\.[a-z.]+"$/.test(answer.headers()["content-disposition"]), `${format}: ${answer.headers()["content-disposition"]}`);
    expect(answer.ok() && answer.headers()["content-type"].startsWith(type) && body.length > least, `${format}: ${answer.status()}, ${body.length} bytes`);
    fs.writeFileSync(path.join(output, `review.${format}`), body);
  }
});
await step("a file is saved from the page", async () => {
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "HTML", exact: true }).click();
  const saved = await saving;
  expect(saved.suggestedFilename() === "rubor_P-77_S1.html", saved.suggestedFilename());
  expect(fs.statSync(await saved.path()).size > 400000, "the file is short");
});
await step("a photo that the station submits appears by itself", async () => {
  const chosen = page.getByRole("heading", { name: "Before and day 1" });
  for (let round = 0; round < 5; round++) { /* results of the new region may still arrive and draw the days anew under the pointer */
    await page.getByRole("button", { name: "Compare with before" }).nth(1).click();
    if (await chosen.waitFor({ timeout: 2000 }).then(() => true, () => false)) break;
  }
  const before = await page.locator(".day").count();
  await page.locator("body").click({ position: { x: 5, y: 5 } });
  await submit("SUBMIT");
  await page.waitForFunction(count => document.querySelectorAll(".day").length > count, before, { timeout: 15000 });
  await chosen.waitFor(); /* as before it came */
});
await step("a script in a patient id is shown, not run", async () => {
  await page.goto(`${home}/#/treatment?patient=${encodeURIComponent("<script>window.hacked=1</script>")}&session=x`);
  await page.getByRole("alert").waitFor();
  expect(!(await page.evaluate(() => window.hacked)), "it ran");
});
await step("paths that leave the page are not found", async () => {
  for (const place of ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/picture?job=../../etc/passwd&name=photo", "/api/nothing"]) {
    const status = (await context.request.get(home + place)).status();
    expect(status === 404 || status === 400, `${place}: ${status}`);
  }
});
await step("a request from another site's form is refused", async () => {
  const answer = await context.request.post(home + "/api/note", { data: { patient, session, text: "forged" } });
  expect(answer.status() === 403, String(answer.status()));
});
await step("a reviewer may not forget a patient, and is out as soon as the token is taken away", async () => {
  const own = await browser.newContext();
  const other = await own.newPage();
  await login(other, need("REVIEWER_PAGE"), need("REVIEWER_TOKEN"));
  await other.getByRole("heading", { name: "Patients and sessions" }).waitFor();
  await open_treatment(other);
  expect(await other.getByText("Forget this patient").count() === 0, "the page offers it");
  const answer = await own.request.post(need("REVIEWER_PAGE") + "/api/forget", { data: { patient, again: patient }, headers: { "X-Rubor": "1" } });
  expect(answer.status() === 403, String(answer.status()));
  await own.request.post(need("REVIEWER_PAGE") + "/api/note", { data: { patient, session, text: "Seen." }, headers: { "X-Rubor": "1" } });
  const { notes } = await (await own.request.get(`${need("REVIEWER_PAGE")}/api/review?patient=${patient}&session=${session}`)).json();
  expect(notes.some(note => note.author === "rita" && note.text === "Seen."), "the note is not rita's");
  fs.writeFileSync(need("TOKENS"), "someone else has the token of this line\n");
  await other.getByRole("alert").filter({ hasText: "log in again" }).waitFor(); /* asked by itself within seconds */
  expect((await own.request.get(need("REVIEWER_PAGE") + "/api/sessions")).status() === 401, "a session outlives its token");
  await own.close();
});
await step("the capture view lays the outline of the photo before over the camera and follows what is submitted", async () => {
  await page.goto(`${home}/#/capture?patient=${patient}&session=${session}`);
  await page.locator(".verdict-big", { hasText: /photo|Usable|again/ }).waitFor();
  const video = page.locator(".frame video");
  await video.waitFor();
  await page.waitForFunction(() => { const camera = document.querySelector(".frame video"); return camera.videoWidth > 0 && camera.currentTime > 0; });
  const drawn = await page.locator(".frame canvas").evaluate(canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let seen = 0;
    for (let i = 3; i < data.length; i += 4) seen += data[i] > 100;
    return 4 * seen / data.length;
  });
  expect(drawn > 0.01 && drawn < 0.4, `the outline covers ${drawn} of the frame`);
  const size = await page.locator(".verdict-big").evaluate(node => parseFloat(getComputedStyle(node).fontSize));
  expect(size >= 32, `the verdict is ${size} px`);
  const found = await axe_findings(page);
  expect(found.length === 0, found.join("; "));
  await page.screenshot({ path: path.join(output, "capture.png") });
  await page.getByRole("button", { name: "Photo, see-through" }).click();
  await page.locator(".frame img.ghost").waitFor();
  await page.evaluate(() => { window.camera = document.querySelector(".frame video").srcObject; });
  await submit("SUBMIT_OVEREXPOSED");
  await page.locator(".verdict-big", { hasText: "Day 5: Take it again" }).waitFor();
  expect((await page.locator(".verdict-why").innerText()).length > 20, "it is not said why");
  await page.getByRole("link", { name: "Back to the review" }).click();
  await page.getByRole("heading", { name: "Day by day" }).waitFor();
  expect(await page.evaluate(() => window.camera.getTracks().every(track => track.readyState === "ended")), "the camera was left on");
  await page.locator(".day", { has: page.getByRole("heading", { name: "Day 5", exact: true }) }).getByText("Take it again:").waitFor();
});
await step("the capture view does not call a photo good that was filed already", async () => {
  await page.goto(`${home}/#/capture?patient=${patient}&session=${session}`);
  await page.locator(".verdict-big", { hasText: "Take it again" }).waitFor();
  await submit("SUBMIT_AGAIN");
  await page.locator(".verdict-big", { hasText: "Day 7: not a new photo" }).waitFor({ timeout: 15000 });
  expect(/filed already: day 2, sent on/.test(await page.locator(".verdict-why").innerText()), "it is not said when it was filed");
  await page.getByRole("link", { name: "Back to the review" }).click();
  await page.getByRole("heading", { name: "Day by day" }).waitFor();
});
await step("a photo that could not be measured says why", async () => {
  await submit("SUBMIT_DAMAGED");
  await page.locator(".day", { has: page.getByRole("heading", { name: "Day 6", exact: true }) }).getByText("Could not be measured:").waitFor({ timeout: 15000 });
});
await step("the capture view waits for the first photo of a new patient", async () => {
  const other = await context.newPage();
  await other.goto(`${home}/#/capture?patient=P-new&session=S1`);
  await other.locator(".verdict-big", { hasText: "Waiting for the first photo" }).waitFor();
  await other.getByText("there is nothing to pose by").waitFor();
  await other.close();
});
await step("a photo is filed under the right day, asked twice", async () => {
  await page.goto(`${home}/#/treatment?patient=${patient}&session=S0`);
  await page.getByRole("heading", { name: "Day 1", exact: true }).waitFor();
  await page.getByText("A photo was filed under a wrong day or patient").click();
  await page.locator("select[name=job]").first().selectOption({ index: 1 });
  await page.getByLabel("Right day").fill("2");
  let asked = "";
  page.once("dialog", dialog => { asked = dialog.message(); dialog.accept(); });
  await page.getByRole("button", { name: "File it under these" }).click();
  await page.getByRole("heading", { name: "Day 2", exact: true }).waitFor();
  expect(/audit/.test(asked), "it was not asked twice");
});
await step("a photo is taken out of the treatment, asked twice", async () => {
  await page.getByText("A photo does not belong here at all").click();
  await page.locator("select[name=job]").last().selectOption({ index: 1 });
  let asked = "";
  page.once("dialog", dialog => { asked = dialog.message(); dialog.accept(); });
  await page.getByRole("button", { name: "Take it out of this treatment" }).click();
  await page.getByText("Only the photo before treatment is there.").waitFor();
  expect(/audit/.test(asked) && await page.locator(".day").count() === 1, "it is still there");
});
await step("a patient is forgotten, asked twice", async () => {
  const picture = `${home}/${await page.locator(".day img").first().getAttribute("src")}`;
  expect((await context.request.get(picture)).ok(), "there was a picture");
  expect((await context.request.get(picture.replace("size=small", "size=huge"))).status() === 400, "any size is taken");
  await page.getByText("Forget this patient").click();
  const repeat = page.getByLabel(/Type the patient/);
  let asked = 0;
  page.on("dialog", dialog => { asked++; dialog.accept(); });
  await repeat.fill("P-7");
  await page.getByRole("button", { name: "Delete everywhere" }).click();
  await page.getByText("was not repeated as asked").waitFor();
  await repeat.fill(patient);
  await page.getByRole("button", { name: "Delete everywhere" }).click();
  await page.getByText("No treatment has been submitted yet.").waitFor();
  expect(asked === 2, `asked ${asked} times`);
  expect((await context.request.get(picture)).status() === 404, "a picture of a forgotten patient is still shown");
});
await step("logging out ends the session on the server", async () => {
  const cookies = await context.cookies();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Access token").waitFor();
  await context.addCookies(cookies);
  expect((await context.request.get(home + "/api/me")).status() === 401, "the old cookie still works");
});
await step("no script error was seen", async () => expect(errors.length === 0, errors.join("; ")));

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
