/**
 * As much of JSON Schema as the schemas of docs/schema use. A keyword that it does not know is an error.
 *
 * @module
 */

type Schema = Readonly<Record<string, unknown>>;

/** Keywords that say nothing about a value. */
const REMARKS = ["$schema", "$defs", "title", "description"];

/**
 * What is wrong with a value.
 *
 * @returns a line for each fault; none if the value is valid
 */
export function faultsOf(
  value: unknown,
  schema: Schema,
  root: Schema = schema,
  at = "$",
): string[] {
  const faults: string[] = [];
  const fault = (text: string): void => void faults.push(`${at}: ${text}`);
  for (const [keyword, rule] of Object.entries(schema)) {
    switch (keyword) {
      case "$ref":
        faults.push(...faultsOf(value, definition(root, rule as string), root, at));
        break;
      case "oneOf": {
        const each = (rule as Schema[]).map((one) => faultsOf(value, one, root, at));
        if (each.filter((found) => found.length === 0).length !== 1) {
          fault(`is none of the alternatives: ${each.flat().join("; ")}`);
        }
        break;
      }
      case "type":
        if (![rule].flat().some((type) => isOfType(value, type as string))) fault(`is no ${rule}`);
        break;
      case "const":
        if (value !== rule) fault(`is not ${rule}`);
        break;
      case "enum":
        if (!(rule as unknown[]).includes(value)) fault(`is none of ${rule}`);
        break;
      case "minimum":
        if (typeof value === "number" && value < (rule as number)) fault(`is below ${rule}`);
        break;
      case "pattern":
        if (typeof value === "string" && !new RegExp(rule as string).test(value)) {
          fault(`does not match ${rule}`);
        }
        break;
      case "required":
        for (const name of rule as string[]) {
          if (isRecord(value) && !(name in value)) fault(`lacks ${name}`);
        }
        break;
      case "properties":
        for (const [name, inner] of Object.entries(rule as Record<string, Schema>)) {
          if (!isRecord(value) || !(name in value)) continue;
          faults.push(...faultsOf(value[name], inner, root, `${at}.${name}`));
        }
        break;
      case "additionalProperties":
        if (rule !== false) throw new Error("Only additionalProperties: false is known");
        if (!isRecord(value)) break;
        for (const name of Object.keys(value)) {
          if (!(name in (schema.properties as object))) fault(`has ${name}`);
        }
        break;
      case "items":
        if (!Array.isArray(value)) break;
        value.forEach((item, index) =>
          faults.push(...faultsOf(item, rule as Schema, root, `${at}[${index}]`))
        );
        break;
      default:
        if (!REMARKS.includes(keyword)) throw new Error(`Unknown keyword ${keyword}`);
    }
  }
  return faults;
}

function definition(root: Schema, reference: string): Schema {
  const name = /^#\/\$defs\/(\w+)$/.exec(reference)?.[1];
  const found = (root.$defs as Record<string, Schema>)[name ?? ""];
  if (found === undefined) throw new Error(`Unknown reference ${reference}`);
  return found;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isRecord(value);
    case "integer":
      return Number.isInteger(value);
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    default:
      throw new Error(`Unknown type ${type}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
