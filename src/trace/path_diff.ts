/**
 * Compares the ways of two groups of packets: what they have in common, where they part, and which group
 * has a way alone.
 *
 * @module
 */

import type { PathGroup, PathStep } from "./paths.ts";

/** How many packets of each group. */
export interface Sides {
  readonly left: number;
  readonly right: number;
}

/** A way that packets of both groups, or of one, take. */
export interface ComparedPath {
  readonly steps: readonly PathStep[];
  readonly left: PathGroup | null;
  readonly right: PathGroup | null;
}

/** What follows at a place where the groups part. */
export interface Branch extends Sides {
  readonly step: PathStep;
}

/** A place up to which the ways of both groups are the same, and where one has a step alone. */
export interface Parting {
  /** The steps before, which both have. */
  readonly common: readonly PathStep[];
  /** All steps that follow, the most frequent first; one at least is of one group alone. */
  readonly branches: readonly Branch[];
}

/** What {@linkcode comparePaths} finds. */
export interface PathComparison {
  /** Steps that all ways of both groups begin with. */
  readonly common: readonly PathStep[];
  /** Where the groups part; the first decision that differs is at the first. Empty if they do not. */
  readonly partings: readonly Parting[];
  /** Ways of both groups, then those of the left one alone, then of the right one. */
  readonly both: readonly ComparedPath[];
  readonly onlyLeft: readonly ComparedPath[];
  readonly onlyRight: readonly ComparedPath[];
}

/** The ways as a tree: a node stands for a step behind those of the nodes above it. */
interface Node {
  readonly step: PathStep | null;
  left: number;
  right: number;
  readonly next: Map<string, Node>;
}

/** Compares two groups of packets by their ways. */
export function comparePaths(
  left: readonly PathGroup[],
  right: readonly PathGroup[],
): PathComparison {
  const root: Node = { step: null, left: 0, right: 0, next: new Map() };
  for (const { steps, count } of left) grow(root, steps, count, 0);
  for (const { steps, count } of right) grow(root, steps, 0, count);
  const paths = pair(left, right);
  return {
    common: commonSteps(root),
    partings: partings(root),
    both: paths.filter((path) => path.left !== null && path.right !== null),
    onlyLeft: paths.filter((path) => path.right === null),
    onlyRight: paths.filter((path) => path.left === null),
  };
}

function grow(root: Node, steps: readonly PathStep[], left: number, right: number): void {
  let node = root;
  for (const step of [null, ...steps]) {
    if (step !== null) {
      let next = node.next.get(step.key);
      if (next === undefined) {
        next = { step, left: 0, right: 0, next: new Map() };
        node.next.set(step.key, next);
      }
      node = next;
    }
    node.left += left;
    node.right += right;
  }
}

/** The ways by the number of their packets, the most first. */
function pair(left: readonly PathGroup[], right: readonly PathGroup[]): ComparedPath[] {
  const others = new Map(right.map((group) => [group.key, group]));
  const paths: ComparedPath[] = left.map((group) => {
    const other = others.get(group.key) ?? null;
    others.delete(group.key);
    return { steps: group.steps, left: group, right: other };
  });
  paths.push(...[...others.values()].map((group) => ({
    steps: group.steps,
    left: null,
    right: group,
  })));
  const packets = ({ left, right }: ComparedPath): number =>
    (left?.count ?? 0) + (right?.count ?? 0);
  return paths.sort((a, b) => packets(b) - packets(a));
}

function commonSteps(root: Node): PathStep[] {
  const steps: PathStep[] = [];
  for (let node = root; node.next.size === 1;) {
    const [only] = node.next.values();
    if (only === undefined || only.step === null || only.left === 0 || only.right === 0) break;
    steps.push(only.step);
    node = only;
  }
  return steps;
}

/** The nearest to the beginning first, and of equal ones that with the most packets. */
function partings(root: Node): Parting[] {
  const found: (Parting & { readonly packets: number })[] = [];
  const visit = (node: Node, common: readonly PathStep[]): void => {
    // Below a step that one group has alone, they have parted already.
    if (node.left === 0 || node.right === 0) return;
    const next = [...node.next.values()];
    if (next.some(({ left, right }) => left === 0 || right === 0)) {
      const branches = next.map(({ step, left, right }) => ({ step: step!, left, right }))
        .sort((a, b) => b.left + b.right - a.left - a.right);
      found.push({ common, branches, packets: node.left + node.right });
    }
    for (const one of next) visit(one, [...common, one.step!]);
  };
  visit(root, []);
  return found
    .sort((a, b) => a.common.length - b.common.length || b.packets - a.packets)
    .map(({ common, branches }) => ({ common, branches }));
}
