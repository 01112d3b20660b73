/* The two pictures of docs/: the page with a whole treatment, and the review as one file. Prints how soon the pictures of a
 * whole treatment show. Environment as page.mjs, and SHOTS (folder to write to), HTML (a file of rubor review --html). */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { time_pictures, timing_text } from "./timing.mjs";

const { PAGE: home, TOKEN: token, PATIENT: patient, SESSION: session, SHOTS: output, HTML: html } = process.env;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({ viewport: { width: 1100, height: 1390 }, deviceScaleFactor: 0.75 }); // page.png: 825 px across
const page = await context.newPage();
await page.goto(`${home}/#/treatment?patient=${patient}&session=${session}`);
await page.getByLabel("Access token").fill(token);
await page.getByRole("button", { name: "Log in" }).click();
await page.getByRole("heading", { name: "Day by day" }).waitFor();
const loaded = () => [...document.images].length > 0 && [...document.images].every(image => image.loading === "lazy" && image.getBoundingClientRect().top > 2 * innerHeight || image.complete && image.naturalWidth > 0);
console.log(timing_text(await time_pictures(browser, await context.storageState(), { home, patient, session, rounds: 9 })));
await page.getByRole("button", { name: "Redness change", exact: true }).click();
await page.waitForFunction(loaded);
await page.waitForTimeout(500);
await page.getByRole("heading", { name: "Before and right after (day 0)" }).evaluate(heading => heading.scrollIntoView());
await page.screenshot({ path: path.join(output, "page.png") });
const file = await browser.newPage({ viewport: { width: 1100, height: 900 } });
await file.goto(pathToFileURL(html).href);
await file.getByRole("heading", { name: "Day by day" }).waitFor();
await file.waitForFunction(loaded);
await file.screenshot({ path: path.join(output, "review.png") });
await file.getByRole("button", { name: "Redness change", exact: true }).click();
await file.waitForTimeout(500);
await file.locator(".strip").screenshot({ path: path.join(output, "strip.png") });
await file.screenshot({ path: path.join(output, "review-whole.png"), fullPage: true });
await browser.close();
