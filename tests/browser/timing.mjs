/* How soon the pictures of a treatment show: measured by the browser itself (Element Timing: the frame that shows the
 * picture), from navigation or from the click on the treatment in the list. */

/* Runs in the page before its scripts: every picture that is shown leaves its time in window.shown. */
function watch() {
  window.shown = [];
  window.began = 0;
  new PerformanceObserver(list => { for (const entry of list.getEntries()) window.shown.push({ at: entry.renderTime || entry.loadTime, day: entry.identifier === "day" }); })
    .observe({ type: "element", buffered: true });
  new MutationObserver(changes => {
    for (const node of changes.flatMap(change => [...change.addedNodes]).filter(node => node.querySelectorAll))
      for (const image of [node, ...node.querySelectorAll("img")].filter(one => one.tagName === "IMG")) image.setAttribute("elementtiming", image.closest(".day") ? "day" : "other");
  }).observe(document, { childList: true, subtree: true });
  addEventListener("click", () => { window.began = performance.now(); window.shown.length = 0; }, true);
}

const all_shown = () => { const days = document.querySelectorAll(".day img").length; return days > 0 && window.shown.filter(one => one.day).length >= days; };
const read = page => page.evaluate(() => ({ first: Math.min(...window.shown.map(one => one.at)) - window.began,
  all: Math.max(...window.shown.filter(one => one.day).map(one => one.at)) - window.began, pictures: document.querySelectorAll(".day img").length }));
const median = values => [...values].sort((a, b) => a - b)[values.length >> 1];

/* {cold, warm, click: {first, all}} in ms, medians of so many rounds. cold: a new browser context; warm: the same page loaded
 * again; click: on the treatment in the list. The window is tall enough to show every day's card. */
export async function time_pictures(browser, storageState, { home, patient, session, rounds }) {
  const found = { cold: [], warm: [], click: [] };
  for (let round = 0; round < rounds; round++) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 3400 }, storageState });
    await context.addInitScript(watch);
    const page = await context.newPage();
    const keep = async kind => { await page.waitForFunction(all_shown); found[kind].push(await read(page)); };
    await page.goto(`${home}/#/treatment?patient=${patient}&session=${session}`);
    await keep("cold");
    await page.reload();
    await keep("warm");
    await page.goto("about:blank");
    await page.goto(`${home}/#/`);
    await page.getByRole("searchbox").fill(patient);
    await page.getByRole("link", { name: new RegExp(session) }).first().click();
    await keep("click");
    await context.close();
  }
  const of = (kind, what) => Math.round(median(found[kind].map(one => one[what])));
  return { pictures: found.cold[0].pictures, ...Object.fromEntries(Object.keys(found).map(kind => [kind, { first: of(kind, "first"), all: of(kind, "all") }])) };
}

export function timing_text(times) {
  return Object.entries(times).filter(([kind]) => kind !== "pictures").map(([kind, { first, all }]) => `${kind}: first ${first} ms, all ${times.pictures} ${all} ms`).join("; ");
}
