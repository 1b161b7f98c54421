/**
 * Values of JSON whose form is not trusted: a recording may come from anywhere.
 *
 * @module
 */

/** Reads a value of a form. @throws {ShapeError} if it has another one */
export type Shape<T> = (value: unknown) => T;

/** A value has not the form that it should have. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** A string. */
export function string(value: unknown): string {
  if (typeof value !== "string") throw new ShapeError("not a string");
  return value;
}

/** A finite number; never -0, which JSON can read and not write. */
export function number(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new ShapeError("not a number");
  return value + 0;
}

/** A whole number from 0 on. */
export function count(value: unknown): number {
  const whole = number(value);
  if (!Number.isSafeInteger(whole) || whole < 0) throw new ShapeError("not a count");
  return whole;
}

/** `true` or `false`. */
export function boolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new ShapeError("not a boolean");
  return value;
}

/** A whole number of up to 64 bits, in decimal digits as JSON's numbers are too short. */
export function big(value: unknown): bigint {
  if (!/^-?\d{1,20}$/.test(string(value))) throw new ShapeError("not a number of 64 bits");
  return BigInt(value as string);
}

/** Bytes, as hexadecimal digits. */
export function bytes(value: unknown): Uint8Array {
  try {
    return Uint8Array.fromHex(string(value));
  } catch (cause) {
    throw new ShapeError("not bytes", { cause });
  }
}

/** `null`, or a value. */
export function orNull<T>(shape: Shape<T>): Shape<T | null> {
  return (value) => value === null ? null : shape(value);
}

/** What is not there is `otherwise`. */
export function optional<T, U>(shape: Shape<T>, otherwise: U): Shape<T | U> {
  return (value) => value === undefined ? otherwise : shape(value);
}

/** A list. */
export function list<T>(shape: Shape<T>): Shape<T[]> {
  return (value) => {
    if (!Array.isArray(value)) throw new ShapeError("not a list");
    return value.map(shape);
  };
}

/** A list of exactly these values. */
export function tuple<T extends readonly unknown[]>(
  ...shapes: { readonly [K in keyof T]: Shape<T[K]> }
): Shape<T> {
  return (value) => {
    if (!Array.isArray(value) || value.length < shapes.length) throw new ShapeError("too short");
    return shapes.map((shape, index) => shape(value[index])) as unknown as T;
  };
}

/** An object with at least these members; further ones are left out. */
export function object<T extends object>(
  shapes: { readonly [K in keyof T]-?: Shape<T[K]> },
): Shape<T> {
  return (value) => {
    const all = members(value);
    const read = Object.entries<Shape<unknown>>(shapes).map(([name, shape]) => {
      return [name, shape(Object.hasOwn(all, name) ? all[name] : undefined)];
    });
    return Object.fromEntries(read) as T;
  };
}

/** An object whose members have any names. */
export function record<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value) => {
    return Object.fromEntries(
      Object.entries(members(value)).map(([name, member]) => [name, shape(member)]),
    );
  };
}

function members(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ShapeError("not an object");
  }
  return value as Record<string, unknown>;
}
