import { expect, test } from "vitest";
import { credentialsIn } from "./credentials";
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
  expect(themeVariables({ fontFamily: "Inter, Segoe UI" }, "light")).toEqual({
    "--font": '"Inter", "Segoe UI", system-ui, sans-serif',
  });
  expect(themeVariables({ radius: 30, fontFamily: 'x"; }' }, "dark")).toEqual({});
  expect(themeVariables({ fontFamily: " , " }, "dark")).toEqual({});
});

test("a token in the URL counts in a frame alone", () => {
  const url = { hash: "#token=a.b.c", search: "?session=s" };
  expect(credentialsIn(url, true)).toEqual({ token: "a.b.c", session: "s" });
  expect(credentialsIn(url, false)).toEqual({ session: "s" });
  expect(credentialsIn({ hash: "#code=x", search: "" }, false)).toEqual({ code: "x" });
});
