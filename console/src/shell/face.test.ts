import { expect, test } from "vitest";
import { faceOf, PERMISSIONS, type Permission } from "./face";

const all = Object.keys(PERMISSIONS) as Permission[];

test("whoever signed in to look can do what reads, and nothing else", () => {
  const face = faceOf("read");
  const may = all.filter(permission => face.can(permission));
  expect(may.map(permission => PERMISSIONS[permission])).toEqual(
    Object.values(PERMISSIONS).filter(name => name.includes(".read.")),
  );
  expect(face.manages).toBe(false);
});

test("whoever signed in with everything can do everything", () => {
  const face = faceOf("full");
  expect(all.every(permission => face.can(permission)) && face.manages).toBe(true);
});
