import { expect, test } from "vitest";
import { mergeTheme, themeVariables } from "./theme";

test("a theme that came by a message cannot bring in anything but its own forms", () => {
  const theme = { accent: "#112233", mode: "light" as const };
  expect(
    mergeTheme(theme, { accent: "red;}", radius: 99, mode: "sepia", fontFamily: 'x"; }', logoUrl: "javascript:1" }),
  ).toEqual(theme);
  expect(mergeTheme(theme, { accent: "#445566", radius: 4, mode: "dark", fontFamily: "Inter" })).toEqual({
    accent: "#445566",
    radius: 4,
    mode: "dark",
    fontFamily: "Inter",
  });
  expect(mergeTheme(theme, null)).toBe(theme);
});

test("a theme replaces variables of the look alone", () => {
  expect(themeVariables({ radius: 0, fontFamily: "Inter" }, "light")).toEqual({
    "--radius": "0px",
    "--font": '"Inter", system-ui, sans-serif',
  });
  expect(themeVariables({ radius: 30, fontFamily: "a,b" }, "dark")).toEqual({});
});
