/**
 * BTF that is read and parsed only if something is asked that is not known from an earlier start: a plain
 * trace asks a few things about two of the largest files that it could read.
 *
 * @module
 */

import { Btf } from "./btf.ts";

/** Questions by name whose answers are known: those with plain arguments and answers. */
const KNOWN = [
  "enumNames",
  "memberOffset",
  "memberPlace",
  "parameterCount",
  "parameterCountOf",
  "structSize",
] as const;

type Question = typeof KNOWN[number];
type Ask = (...args: readonly string[]) => unknown;

/** Answers by question, as plain data: none for `undefined`. */
export type Answers = Record<string, readonly [Answer?]>;
type Answer = { readonly value: unknown } | { readonly entries: readonly unknown[] };

/** `btf`, which adds what it answers to `answers`. */
export function recorded(btf: Btf, answers: Answers): Btf {
  return standIn(() => btf, (question, args) => {
    const answer = ask(btf, question, args);
    answers[keyOf(question, args)] = encode(answer);
    return answer;
  });
}

/**
 * What stands for BTF until it is needed.
 *
 * @param load reads it, at most once; what it throws comes from where the BTF is used
 * @param answers of {@linkcode recorded} for the same BTF
 */
export function later(load: () => Btf, answers: Answers): Btf {
  let loaded: Btf | undefined;
  const real = (): Btf => loaded ??= load();
  return standIn(real, (question, args) => {
    const key = keyOf(question, args);
    return Object.hasOwn(answers, key) ? decode(answers[key]!) : ask(real(), question, args);
  });
}

/** Has the methods of `real`; those of {@linkcode KNOWN} are replaced. */
function standIn(
  real: () => Btf,
  answer: (question: Question, args: readonly string[]) => unknown,
): Btf {
  return new Proxy<Btf>(Object.create(Btf.prototype), {
    get(_target, name): unknown {
      const question = KNOWN.find((known) => known === name);
      if (question !== undefined) return (...args: string[]): unknown => answer(question, args);
      const btf = real();
      const member: unknown = Reflect.get(btf, name, btf);
      return typeof member === "function" ? member.bind(btf) : member;
    },
  });
}

function ask(btf: Btf, question: Question, args: readonly string[]): unknown {
  return (btf[question] as Ask).apply(btf, [...args]);
}

function keyOf(question: Question, args: readonly string[]): string {
  return [question, ...args].join(" ");
}

function encode(answer: unknown): readonly [Answer?] {
  if (answer === undefined) return [];
  return answer instanceof Map ? [{ entries: [...answer] }] : [{ value: answer }];
}

function decode([answer]: readonly [Answer?]): unknown {
  if (answer === undefined) return undefined;
  return "entries" in answer
    ? new Map(answer.entries as readonly [unknown, unknown][])
    : answer.value;
}
