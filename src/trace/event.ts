export * from "../probe/record.ts";
