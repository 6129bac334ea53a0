//! What people and programs read: text on a terminal, plain text in a pipe, JSON where it is asked for.
//!
//! Owns styles and the one way to print. Results go to standard output, problems and progress to standard error. Colours are
//! dropped by `anstream` where the other side is no terminal.

use std::fmt;
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// What is meant for the eye first.
pub(crate) const STRONG: Style = Style::new().bold();
/// What is only context.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// All is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Worth a look.
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// Something is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// A text in a style.
pub(crate) fn styled(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Form {
    /// Prints a result: the text, or the value as JSON on one line.
    pub(crate) fn print(self, value: &impl Serialize, text: impl FnOnce() -> String) -> io::Result<()> {
        match self {
            Self::Text => line(text()),
            Self::Json => line(serde_json::to_string(value).expect("values that are printed have string keys")),
        }
    }
}

/// Prints a line (or several) to standard output.
pub(crate) fn line(text: impl fmt::Display) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints a line to standard error. That this fails is nothing that could be told anywhere.
pub(crate) fn note(text: impl fmt::Display) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// A text from outside as one line without control characters, so that nobody else moves the cursor of this terminal.
pub(crate) fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Rows with columns of equal width; the first row is the heading.
pub(crate) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let widths = widths(heading, rows);
    let row = |cells: [&str; N]| {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![styled(FAINT, row(heading))];
    lines.extend(rows.iter().map(|cells| row(std::array::from_fn(|column| cells[column].as_str()))));
    lines.join("\n")
}

/// The same for numbers, which stand on the right so that their digits stand below one another, with their sum in the last row. The
/// first column says what each row is about.
pub(crate) fn figures<const N: usize>(heading: [&str; N], rows: &[[String; N]], total: &[String; N]) -> String {
    let widths = widths(heading, rows.iter().chain([total]));
    let row = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths).enumerate();
        let padded = cells.map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        padded.collect::<Vec<_>>().join("  ")
    };
    let line = |cells: &[String; N]| row(cells.each_ref().map(String::as_str));
    let mut lines = vec![styled(FAINT, row(heading))];
    lines.extend(rows.iter().map(line));
    lines.push(styled(STRONG, line(total)));
    lines.join("\n")
}

/// The width of each column, in characters.
fn widths<'r, const N: usize>(heading: [&str; N], rows: impl IntoIterator<Item = &'r [String; N]>) -> [usize; N] {
    let mut widths = heading.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_below_one_another() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let table = figures(
            ["from", "a", "long"],
            &[row(["x", "7", "8"]), row(["y", "1234", "-"])],
            &row(["total", "1241", "8"]),
        );
        let plain = anstream::adapter::strip_str(&table).to_string();
        assert_eq!(
            plain,
            "from      a  long\n\
             x         7     8\n\
             y      1234     -\n\
             total  1241     8"
        );
    }
}
