//! The vendor's look over the portal's own: accent, radius, font, mode. What cannot be read is left out.
import { accentVariables, isColour } from "@/logic/colour";

export interface ThemeLike {
  accent?: string | null;
  logoUrl?: string | null;
  mode?: string | null;
  radius?: number | null;
  fontFamily?: string | null;
}

/** The mode that a theme asks for. */
export const modeOf = (theme: ThemeLike): "light" | "dark" | "auto" =>
  theme.mode === "light" || theme.mode === "dark" ? theme.mode : "auto";

/** The variables of the look that a theme replaces. */
export function themeVariables(theme: ThemeLike, mode: "light" | "dark"): Record<string, string> {
  const variables: Record<string, string> = {};
  if (theme.accent && isColour(theme.accent)) Object.assign(variables, accentVariables(theme.accent, mode));
  if (typeof theme.radius === "number" && theme.radius >= 0 && theme.radius <= 24)
    variables["--radius"] = `${theme.radius}px`;
  const fonts = fontsOf(theme.fontFamily);
  if (fonts.length > 0) variables["--font"] = [...fonts.map(name => `"${name}"`), "system-ui", "sans-serif"].join(", ");
  return variables;
}

/** As the server has it: names of letters, digits, spaces and hyphens, with commas between them. None where it is something else. */
function fontsOf(family: string | null | undefined): string[] {
  if (!family || !/^[\p{Alphabetic}\p{N} ,_-]{1,200}$/u.test(family)) return [];
  return family
    .split(",")
    .map(name => name.trim())
    .filter(Boolean);
}

/** A theme that came by a message: only members of the right form are taken over. */
export function mergeTheme(theme: ThemeLike, patch: unknown): ThemeLike {
  if (typeof patch !== "object" || patch === null) return theme;
  const { accent, mode, radius, fontFamily } = patch as Record<string, unknown>;
  const merged = { ...theme };
  if (typeof accent === "string" && isColour(accent)) merged.accent = accent;
  if (mode === "light" || mode === "dark" || mode === "auto") merged.mode = mode;
  if (typeof radius === "number" && radius >= 0 && radius <= 24) merged.radius = radius;
  if (typeof fontFamily === "string" && fontsOf(fontFamily).length > 0) merged.fontFamily = fontFamily;
  return merged;
}
