import assert from "node:assert/strict";
import { type Column, table } from "../../src/output/table.ts";

interface Row {
  readonly name: string;
  readonly count: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "NAME", cell: ({ name }) => name },
  { title: "COUNT", right: true, cell: ({ count }) => `${count}` },
  { title: "NOTE", cell: ({ count }) => count > 9 ? "many" : "" },
];

Deno.test("table() aligns columns, numbers at the right, and leaves no blanks at the end", () => {
  const rows = [{ name: "a", count: 10 }, { name: "longer", count: 7 }];
  assert.equal(
    table(COLUMNS, rows),
    "NAME    COUNT  NOTE\na          10  many\nlonger      7\n",
  );
});

Deno.test("table() prints the titles when there are no rows", () => {
  assert.equal(table(COLUMNS, []), "NAME  COUNT  NOTE\n");
});

Deno.test("table() counts characters rather than UTF-16 units", () => {
  const rows = [{ name: "😀😀😀😀", count: 1 }, { name: "abcd", count: 1 }];
  assert.equal(table(COLUMNS, rows), "NAME  COUNT  NOTE\n😀😀😀😀      1\nabcd      1\n");
});
