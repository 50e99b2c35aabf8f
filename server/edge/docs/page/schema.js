import { el, fold, inline, prose } from "./dom.js";

let schemas = {};

// use sets the component schemas that references are looked up in.
export function use(document) {
  schemas = document.components.schemas;
}

const nameOf = (reference) => reference.slice(reference.lastIndexOf("/") + 1);
const resolve = (schema) => (schema.$ref ? schemas[nameOf(schema.$ref)] : schema);
const isNull = (schema) => schema.type === "null";
const listed = (value) => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

// split takes the null out of a schema: what is left, and whether it was there.
function split(schema) {
  if (Array.isArray(schema.type) && schema.type.includes("null") && schema.type.length > 1) {
    const types = schema.type.filter((type) => type !== "null");
    return { schema: { ...schema, type: types.length === 1 ? types[0] : types }, nullable: true };
  }
  if (schema.anyOf?.some(isNull)) {
    const rest = schema.anyOf.filter((alternative) => !isNull(alternative));
    return { schema: rest.length === 1 ? rest[0] : { ...schema, anyOf: rest }, nullable: true };
  }
  return { schema, nullable: false };
}

// alternatives of a union; nested unions are laid flat.
function alternatives(schema) {
  const own = schema.anyOf ?? schema.oneOf;
  if (!own) return null;
  return own.flatMap((each) => (each.$ref ? [each] : alternatives(each) ?? [each]));
}

const excludedTag = (schema) => Object.entries(schema?.properties ?? {}).find(([, property]) => property.not?.enum);

// label is a schema's type in a few words.
function label(schema) {
  if (schema === true) return "any";
  const { schema: inner, nullable } = split(schema);
  return nullable ? `${plainLabel(inner)} | null` : plainLabel(inner);
}

function plainLabel(schema) {
  if (schema.$ref) return excludedTag(resolve(schema)) ? "any other" : nameOf(schema.$ref);
  const union = alternatives(schema);
  if (union) return union.map(label).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") {
    const items = label(schema.items ?? {});
    return items.includes(" | ") ? `(${items})[]` : `${items}[]`;
  }
  if (schema.type === "object" && !schema.properties && typeof schema.additionalProperties === "object") {
    return `map of ${label(schema.additionalProperties)}`;
  }
  if (Array.isArray(schema.type)) return "any other";
  return schema.type ?? "any";
}

const limitNames = {
  minimum: "≥", exclusiveMinimum: ">", maximum: "≤", exclusiveMaximum: "<",
  minLength: "characters ≥", maxLength: "characters ≤", minItems: "items ≥", maxItems: "items ≤", pattern: "matches",
};

function limits(schema) {
  const { schema: inner } = split(schema);
  const texts = Object.entries(limitNames)
    .filter(([keyword]) => keyword in inner)
    .map(([keyword, text]) => `${text} ${inner[keyword]}`);
  if ("default" in schema) texts.push(`default ${JSON.stringify(schema.default)}`);
  return texts;
}

// expandable reports whether there is more to a schema than its label says.
function expandable(schema) {
  if (schema === true) return false;
  const { schema: inner } = split(schema);
  if (inner.$ref) return true;
  const union = alternatives(inner);
  if (union) return union.some((each) => expandable(each) || each.description);
  if (inner.type === "array") return expandable(inner.items ?? {});
  if (inner.type === "object" && typeof inner.additionalProperties === "object") return expandable(inner.additionalProperties);
  return Boolean(inner.properties);
}

// contents is the inside of a schema: its members, or its alternatives.
export function contents(schema) {
  const { schema: inner } = split(schema);
  const target = resolve(inner);
  const out = [];
  if (inner.$ref && target.description) out.push(prose(target.description, "prose about"));
  const tag = excludedTag(target);
  if (tag) {
    const [name, property] = tag;
    out.push(el("p", { class: "muted" }, `Any value whose ${name} is not `, property.not.enum.map((value, i) => [i ? ", " : "", el("code", {}, value)]).flat(), "."));
    return out;
  }
  const union = alternatives(target);
  if (union) {
    out.push(el("ul", { class: "members" }, union.map((each) => alternative(each, target.discriminator?.propertyName))));
  } else if (target.type === "array") {
    out.push(...contents(target.items ?? {}));
  } else if (target.properties) {
    out.push(el("ul", { class: "members" },
      Object.entries(target.properties).map(([name, each]) => member(name, each, target.required?.includes(name)))));
    if (target.additionalProperties === true) out.push(el("p", { class: "muted open" }, "and any other member, passed as it is"));
  } else if (typeof target.additionalProperties === "object") {
    out.push(...contents(target.additionalProperties));
  }
  return out;
}

function alternative(schema, discriminator) {
  const constant = discriminator && resolve(schema).properties?.[discriminator]?.const;
  const head = [
    ...types(schema),
    constant && el("span", { class: "tag" }, `${discriminator}: "${constant}"`),
  ];
  return row(head, schema.description ?? (schema.$ref ? undefined : resolve(schema).description), schema);
}

function member(name, schema, required) {
  const head = [
    el("span", { class: "name" }, name),
    ...types(schema),
    required && el("span", { class: "badge" }, "required"),
    ...limits(schema).map((text) => el("span", { class: "limit" }, text)),
  ];
  return row(head, schema.description, schema);
}

function row(head, description, schema) {
  const line = [el("span", { class: "head" }, head), description && el("div", { class: "text" }, inline(description))];
  return el("li", {}, expandable(schema) ? fold(line, () => contents(schema)) : line);
}

// types is the label with the null set apart: it is everywhere and says little.
export function types(schema) {
  const { schema: inner, nullable } = split(schema);
  return [el("span", { class: "type" }, plainLabel(inner)), nullable && el("span", { class: "limit" }, "or null")];
}

// tree is a schema to be unfolded, its first level open.
export function tree(schema) {
  return el("div", { class: "schema" }, el("p", { class: "root type" }, label(schema)), contents(schema));
}

// glossary is every named schema, closed; each can be linked to as #schema-Name.
export function glossary() {
  return Object.keys(schemas)
    .filter((name) => !excludedTag(schemas[name]))
    .map((name) => fold(el("code", {}, name), () => el("div", { class: "schema" }, contents({ $ref: `#/components/schemas/${name}` })), { id: `schema-${name}` }));
}

// reasons is the table of a schema that lists constants with their meanings.
export function reasons(schema) {
  return el("table", { class: "reasons" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Reason"), el("th", { scope: "col" }, "Meaning"))),
    el("tbody", {}, listed(schema.oneOf).map((each) =>
      el("tr", {}, el("th", { scope: "row" }, el("code", {}, each.const)), el("td", {}, inline(each.description ?? ""))))));
}
