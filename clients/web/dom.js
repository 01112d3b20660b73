/* ruborElement("p", {class: "soft", onclick: act}, "text", node): an element with attributes, listeners (on...) and children.
 * Attributes that are null or false are left out. Every text goes in as text: nothing from a patient id, a note or a photo
 * is ever read as markup. */
"use strict";

function ruborElement(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}
