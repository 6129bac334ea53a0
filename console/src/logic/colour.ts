//! Colours that can be read: an accent that a vendor chose is made darker or lighter until text on it, and text in it, reaches 4.5:1, and
//! lines and marks in it 3:1.

type Rgb = [number, number, number];

export const isColour = (text: string): boolean => /^#[0-9a-f]{6}$/i.test(text);

function parse(colour: string): Rgb {
  const at = (start: number) => Number.parseInt(colour.slice(start, start + 2), 16);
  return [at(1), at(3), at(5)];
}

const format = (rgb: Rgb): string => `#${rgb.map(part => Math.round(part).toString(16).padStart(2, "0")).join("")}`;

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map(part => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** 1 to 21, as WCAG has it. */
export function contrast(a: string, b: string): number {
  const [high, low] = [luminance(parse(a)), luminance(parse(b))].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function mix(colour: string, other: string, share: number): string {
  const [a, b] = [parse(colour), parse(other)];
  return format(a.map((part, index) => part * (1 - share) + (b[index] ?? 0) * share) as Rgb);
}

/** What WCAG asks of text, and of what is no text: a line, an outline, the edge of a button. */
const [TEXT, LINE] = [4.5, 3];

/** The colour nearest to `colour` on the way to `towards` that has that contrast to `ground`. */
export function readableOn(colour: string, ground: string, towards: string, least = TEXT): string {
  for (let share = 0; share < 1; share += 0.04) {
    const tried = mix(colour, towards, share);
    if (contrast(tried, ground) >= least) return tried;
  }
  return towards;
}

/** `least` is the one of a mode's surfaces that a colour stands out from least: what is seen on it is seen on the others. */
const GROUNDS = {
  light: { soft: "#ffffff", least: "#f6f7f9", text: "#000000" },
  dark: { soft: "#161a21", least: "#1d222b", text: "#ffffff" },
};

/** The accent's variables for a mode. */
export function accentVariables(accent: string, mode: "light" | "dark"): Record<string, string> {
  const ground = GROUNDS[mode];
  const soft = mix(ground.soft, accent, mode === "light" ? 0.1 : 0.24);
  const onAccent =
    contrast(accent, "#ffffff") >= TEXT ? "#ffffff" : contrast(accent, "#111111") >= TEXT ? "#111111" : "#ffffff";
  const fill = onAccent === "#ffffff" ? readableOn(accent, "#ffffff", "#000000") : accent;
  const line = readableOn(accent, ground.least, ground.text, LINE);
  return {
    "--accent": fill,
    "--on-accent": onAccent,
    "--accent-soft": soft,
    "--accent-text": readableOn(accent, soft, ground.text),
    "--accent-line": line,
    "--accent-edge": contrast(fill, ground.least) < LINE ? line : "transparent",
  };
}
